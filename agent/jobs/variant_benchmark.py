"""`doctor --bench`: times the forms of each configured model, and keeps the fastest that agrees."""

import collections
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.config.load import Config
from agent.core.errors import UserError
from agent.inference import registry as installed
from agent.inference import variant_files, variant_trial, variants
from agent.inference.classifier import MAX_BATCH, OnnxClassifier, load
from agent.inference.variant_trial import Outcome
from agent.inference.variants import VariantChoice
from agent.jobs.doctor_checks import Finding

SAME = ("name", "version", "labels", "normal", "rate_hz", "window", "channels")


def examine(chosen: Config) -> Iterator[Finding]:
    """A line for each model; the sources that share one are scored in one call."""
    counted = collections.Counter(source.common.model for source in chosen.sources)
    folder = Path(chosen.agent.state_dir)
    for model, sources in counted.items():
        what = f"variants of {model}"
        try:
            told = _bench(model, min(sources, MAX_BATCH), folder)
        except UserError as error:
            yield Finding(what, "wrong", str(error))
            continue
        if told is None:
            todo = "nothing to choose from (train --keep-variants writes them)"
            file = installed.find(folder, model)
            yield Finding(what, "note", f"none beside {file}: {todo}")
        else:
            yield Finding(what, "ok", told)


def _bench(model: str, batch: int, folder: Path) -> str | None:
    """What was found and is kept; None where the model has no other form."""
    path = installed.find(folder, model)
    there = variant_files.existing(path)
    if not there:
        return None
    own = load(path)
    forms, foreign = _alike(own, {form: load(file) for form, file in there.items()})
    own_us, found = variant_trial.run(own, forms, batch)
    form = variant_trial.fastest(found)
    times = {"": round(own_us, 1)} | {name: round(o.window_us, 1) for name, o in found.items()}
    digest = None if form is None else forms[form].sha256
    variants.keep(folder, path, VariantChoice(model, form, digest, variants.box(), batch, times))
    precision = own.contract.precision
    told = [f"{precision} {own_us:.0f} us a window at batch {batch}"]
    told += [_told(name, each) for name, each in found.items()]
    told += [f"{name} refused: another network" for name in foreign]
    return f"{', '.join(told)}; runs as {form or precision}, kept in {folder / variants.FILE}"


def _alike(
    own: OnnxClassifier, forms: Mapping[str, OnnxClassifier]
) -> tuple[dict[str, OnnxClassifier], list[str]]:
    """Those that say they are the same network, and the names of the others."""

    def said(model: OnnxClassifier) -> list[object]:
        return [getattr(model.contract, key) for key in SAME]

    alike = {name: each for name, each in forms.items() if said(each) == said(own)}
    return alike, [name for name in forms if name not in alike]


def _told(name: str, found: Outcome) -> str:
    timed = f"{name} {found.window_us:.0f} us ({found.ratio:.2f} times)"
    if found.agrees:
        return timed
    same, off = f"{found.agreement:.1%} of the labels", f"{found.error:.3f} off"
    return f"{timed}, refused: {same}, probabilities {off}"
