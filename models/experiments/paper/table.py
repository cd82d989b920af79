"""The document of the paper's protocol: method, tables and conclusions."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from models.evaluation import markdown
from models.experiments.paper.figures import (
    Cells,
    JudgedRun,
    estimate,
    half,
    head,
    means,
    minus,
    per_cent,
    signed,
)
from models.experiments.paper.text import TEXT
from models.experiments.paper.verdicts import FIRST, PUBLISHED, ByFamily, verdicts

SIDES = ("noisy", "clean")  # windows that a model is tested on


def document(runs: Sequence[JudgedRun], windows: int, epochs: int) -> str:
    """Markdown from runs with `windows` training windows; other `epochs` have their own table."""
    grouped: dict[str, list[JudgedRun]] = defaultdict(list)
    for run in runs:
        if run.epochs == epochs:
            grouped[run.family].append(run)
    noisy = {
        family: per_cent(members, lambda run: run.noisy) for family, members in grouped.items()
    }
    clean = {
        family: per_cent(members, lambda run: run.clean) for family, members in grouped.items()
    }
    return TEXT.format(
        windows=windows,
        epochs=epochs,
        seeds=_seeds(noisy),
        levels=" and ".join(str(level) for level in sorted({run.snr_db for run in runs})),
        accuracy=_accuracy(grouped, noisy),
        differences=_differences(noisy, clean),
        clean=_clean(noisy, clean),
        cells=_every(noisy, clean),
        longer=_longer(runs, epochs),
        verdicts=verdicts(noisy, clean),
    )


def _seeds(noisy: ByFamily) -> str:
    counts = {len(by_seed) for cells in noisy.values() for by_seed in cells.values()}
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))


def _accuracy(grouped: Mapping[str, Sequence[JudgedRun]], noisy: ByFamily) -> str:
    kinds = list(dict.fromkeys(kind for cells in noisy.values() for kind, _ in cells))
    rows = []
    for family, cells in noisy.items():
        size = grouped[family][0]
        members = [{p: c for p, c in cells.items() if p[0] == kind} for kind in kinds]
        published = f"{PUBLISHED[family]:.2f}" if family in PUBLISHED else ""
        trained = 100 * statistics.fmean(run.trained for run in grouped[family])
        rows.append(
            [family, f"{size.parameters:,}", f"{size.macs:,}" if size.macs else ""]
            + [_spread(part) for part in (*members, cells)]
            + [half(estimate(cells)), f"{trained:.1f}", published]
        )
    heads = ["model", "parameters", "multiply-accumulates", *kinds, "all", "95 % interval"]
    return markdown.table([*heads, "on its training windows", "the paper's"], rows)


def _differences(noisy: ByFamily, clean: ByFamily) -> str:
    rows = [
        [f"{FIRST} minus {other}"]
        + [signed(estimate(minus(side[FIRST], side[other]))) for side in (noisy, clean)]
        for other in noisy
        if other != FIRST
    ]
    return markdown.table(["difference", "in the noise of training", "clean"], rows)


def _clean(noisy: ByFamily, clean: ByFamily) -> str:
    rows = []
    for family, cells in clean.items():
        loss = signed(estimate(minus(cells, noisy[family])))
        members = [f"{estimate(side[family]).mean:.1f}" for side in (noisy, clean)]
        rows.append([family, *members, loss, f"{min(means(cells)):.1f}"])
    heads = ["model", "in the noise of training", "clean", "difference", "clean, worst cell"]
    return markdown.table(heads, rows)


def _every(noisy: ByFamily, clean: ByFamily) -> str:
    places = list(dict.fromkeys(place for cells in noisy.values() for place in cells))
    rows = []
    for family in noisy:
        for side, cells in zip(SIDES, (noisy[family], clean[family]), strict=True):
            values = dict(zip(cells, means(cells), strict=True))
            figures = [f"{values[place]:.1f}" if place in values else "" for place in places]
            rows.append([family, side, *figures, _single(cells)])
    return markdown.table(["model", "judged", *map(head, places), "single training ±"], rows)


def _longer(runs: Sequence[JudgedRun], epochs: int) -> str:
    """Runs with another number of epochs, beside the same models with `epochs`."""
    places = {(run.family, run.kind, run.snr_db, run.seed) for run in runs if run.epochs != epochs}
    rows = [
        [run.family, head((run.kind, run.snr_db)), str(run.seed), str(run.epochs)]
        + [f"{100 * share:.1f}" for share in (run.trained, run.noisy, run.clean)]
        for run in sorted(runs, key=lambda run: run.epochs)
        if (run.family, run.kind, run.snr_db, run.seed) in places
    ]
    heads = ["model", "noise", "seed", "epochs", "on its training windows"]
    return markdown.table([*heads, "in the noise of training", "clean"], rows)


def _single(cells: Cells) -> str:
    values = estimate(cells).single
    return "" if math.isnan(values) else f"{values:.1f}"


def _spread(cells: Cells) -> str:
    """Mean and standard deviation over cells."""
    values = means(cells)
    if len(values) < 2:
        return " ".join(f"{value:.1f}" for value in values)
    return f"{statistics.fmean(values):.1f} ± {statistics.stdev(values):.1f}"
