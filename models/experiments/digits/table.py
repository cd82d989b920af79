"""Image trials as tables: macro-F1 against SNR and clutter, paired differences with intervals."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models.evaluation import markdown, metrics
from models.evaluation.intervals import over_images
from models.experiments.digits.cluttered_digits import NOISES
from models.experiments.digits.records import LEVELS_DB, USUAL, CanvasCondition, DigitsRun

REFERENCE = "drsn-cw"
Figures = dict[str, float]  # column -> per cent
Runs = Mapping[str, Mapping[int, DigitsRun]]  # family -> seed -> run


def table(runs: Sequence[DigitsRun]) -> str:
    """Markdown: sizes of the networks, then figures and differences from REFERENCE."""
    families = by_family(runs)
    parts = [_sizes(families), _noisy(families)]
    for title, columns in SECTIONS.items():
        figures = {
            f: {s: columns(run) for s, run in by_seed.items()} for f, by_seed in families.items()
        }
        parts.append(f"### {title}\n\n{_levels(figures)}\n\n{_differences(figures)}")
    return "\n\n".join(parts)


def by_family(runs: Sequence[DigitsRun]) -> dict[str, dict[int, DigitsRun]]:
    families: dict[str, dict[int, DigitsRun]] = {}
    for run in runs:
        families.setdefault(run.family, {})[run.seed] = run
    return families


def against_snr(run: DigitsRun) -> Figures:
    """Mean over the noises at each level, with the usual clutter, and without noise."""
    figures = macro_f1(run)
    families = {"no noise": figures[CanvasCondition("none", None, USUAL)]}
    for level in reversed(LEVELS_DB):
        cells = [figures[CanvasCondition(noise, level, USUAL)] for noise in NOISES]
        families[f"{level} dB"] = float(np.mean(cells))
    return families


def against_clutter(run: DigitsRun) -> Figures:
    """Fragments in Gaussian noise at 0 dB, and without noise."""
    clean, noisy = {}, {}
    for condition, figure in macro_f1(run).items():
        if condition.noise == "none":
            clean[f"{condition.fragments}, no noise"] = figure
        elif (condition.noise, condition.snr_db) == ("gaussian", 0):
            noisy[f"{condition.fragments}, 0 dB"] = figure
    return clean | noisy


def by_noise(run: DigitsRun) -> Figures:
    """Each noise at 0 dB and at 5 dB, with the usual clutter."""
    figures = macro_f1(run)
    return {
        f"{noise} {level} dB": figures[CanvasCondition(noise, level, USUAL)]
        for level in (5, 0)
        for noise in NOISES
    }


def macro_f1(run: DigitsRun) -> dict[CanvasCondition, float]:
    """Per cent in every condition."""
    return {
        result.condition: 100 * float(metrics.macro_f1(np.array(result.confusion)))
        for result in run.results
    }


def in_noise(run: DigitsRun) -> npt.NDArray[np.float64]:
    """The share of right labels on each image's noisy canvases [images], in per cent."""
    return 100 * np.array(run.hits) / run.noisy


SECTIONS: dict[str, Callable[[DigitsRun], Figures]] = {
    "Against SNR": against_snr,
    "Against clutter": against_clutter,
    "By noise": by_noise,
}


def _sizes(families: Runs) -> str:
    rows = []
    for family, seeds in families.items():
        run = next(iter(seeds.values()))
        seconds = np.mean([run.train_s for run in seeds.values()])
        rows.append([family, f"{run.parameters:,}", f"{run.macs:,}", f"{seconds:.0f}"])
    heads = ["family", "parameters", "multiply-accumulates an image", "training, s of CPU"]
    return markdown.table(heads, rows)


def _noisy(families: Runs) -> str:
    """Accuracy over all noisy conditions together, with both intervals of the difference."""
    rows = []
    for family, seeds in families.items():
        shares = [in_noise(run).mean() for run in seeds.values()]
        rows.append(
            [family, str(len(seeds)), markdown.spread(shares), *_both(families[REFERENCE], seeds)]
        )
    heads = ["family", "seeds", "accuracy, %", f"{REFERENCE} minus it, over seeds", "over images"]
    return f"### All noisy conditions together\n\n{markdown.table(heads, rows)}"


def _both(reference: Mapping[int, DigitsRun], compared: Mapping[int, DigitsRun]) -> list[str]:
    """The paired difference with its interval over seeds, and its interval over images."""
    if reference is compared:
        return ["", ""]
    pairs = [
        in_noise(reference[s]) - in_noise(compared[s])
        for s in sorted(reference.keys() & compared.keys())
    ]
    if not pairs:
        return ["", ""]
    low, high = over_images(np.mean(pairs, axis=0))
    return [markdown.signed([float(pair.mean()) for pair in pairs]), f"{low:+.1f} to {high:+.1f}"]


def _levels(figures: Mapping[str, Mapping[int, Figures]]) -> str:
    columns = _columns(figures)
    rows = [
        [
            family,
            *(markdown.spread([run[column] for run in by_seed.values()]) for column in columns),
        ]
        for family, by_seed in figures.items()
    ]
    return markdown.table(["family", *columns], rows)


def _differences(figures: Mapping[str, Mapping[int, Figures]]) -> str:
    columns, reference, rows = _columns(figures), figures[REFERENCE], []
    for family, compared in figures.items():
        seeds = sorted(reference.keys() & compared.keys())
        if family != REFERENCE and seeds:
            pairs = (
                [reference[s][column] - compared[s][column] for s in seeds] for column in columns
            )
            rows.append([family, *(markdown.signed(list(pair)) for pair in pairs)])
    heading = f"{REFERENCE} minus the other, paired by seed, with its 95 % interval over seeds:"
    return f"{heading}\n\n{markdown.table(['family', *columns], rows)}"


def _columns(figures: Mapping[str, Mapping[int, Figures]]) -> list[str]:
    return list(next(iter(next(iter(figures.values())).values())))
