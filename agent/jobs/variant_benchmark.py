"""`doctor --bench`: times the variants of each model, and selects the fastest that agrees."""

import collections
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.config.load import Config
from agent.core.errors import UserError
from agent.core.model_contract import NO_NETWORK
from agent.inference import registry as installed
from agent.inference import variant_files, variant_trial, variants
from agent.inference.classifier import MAX_BATCH, OnnxClassifier, load
from agent.inference.variant_trial import Outcome
from agent.inference.variants import VariantChoice
from agent.jobs.finding import Finding

SAME = ("name", "version", "labels", "normal", "rate_hz", "window", "channels")


def examine(config: Config) -> Iterator[Finding]:
    """A finding for each model; sources that share one are scored in one call."""
    sources_of = collections.Counter(source.common.model for source in config.sources)
    folder = Path(config.agent.state_dir)
    sources_of.pop(NO_NETWORK, None)
    for model, sources in sources_of.items():
        what = f"variants of {model}"
        try:
            result = _benchmark(model, min(sources, MAX_BATCH), folder)
        except UserError as error:
            yield Finding(what, "wrong", str(error))
            continue
        if result is None:
            todo = "nothing to choose from (train --keep-variants writes them)"
            file = installed.find(folder, model)
            yield Finding(what, "note", f"none beside {file}: {todo}")
        else:
            yield Finding(what, "ok", result)


def _benchmark(model: str, batch: int, folder: Path) -> str | None:
    """Times the variants and stores the choice; None where the model has no variants."""
    path = installed.find(folder, model)
    files = variant_files.existing(path)
    if not files:
        return None
    original = load(path)
    forms, foreign = _alike(original, {form: load(file) for form, file in files.items()})
    original_us, outcomes = variant_trial.run(original, forms, batch)
    form = variant_trial.fastest(outcomes)
    times = {"": round(original_us, 1)}
    times |= {name: round(outcome.window_us, 1) for name, outcome in outcomes.items()}
    digest = None if form is None else forms[form].sha256
    variants.keep(folder, path, VariantChoice(model, form, digest, variants.box(), batch, times))
    precision = original.contract.precision
    parts = [f"{precision} {original_us:.0f} us a window at batch {batch}"]
    parts += [_describe(name, outcome) for name, outcome in outcomes.items()]
    parts += [f"{name} refused: another network" for name in foreign]
    return f"{', '.join(parts)}; runs as {form or precision}, kept in {folder / variants.FILE}"


def _alike(
    original: OnnxClassifier, forms: Mapping[str, OnnxClassifier]
) -> tuple[dict[str, OnnxClassifier], list[str]]:
    """The forms with the contract of the original network, and the names of the others."""

    def identity(model: OnnxClassifier) -> list[object]:
        return [getattr(model.contract, key) for key in SAME]

    alike = {name: model for name, model in forms.items() if identity(model) == identity(original)}
    return alike, [name for name in forms if name not in alike]


def _describe(name: str, outcome: Outcome) -> str:
    timed = f"{name} {outcome.window_us:.0f} us ({outcome.ratio:.2f} times)"
    if outcome.agrees:
        return timed
    same, off = f"{outcome.agreement:.1%} of the labels", f"{outcome.error:.3f} off"
    return f"{timed}, refused: {same}, probabilities {off}"
