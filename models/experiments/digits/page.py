"""Image trials as one self-contained HTML page, in the form of the other reports."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from models.evaluation import plots
from models.evaluation.report import STYLE
from models.experiments.digits import pictures, table
from models.experiments.digits.cluttered_digits import CLASSES
from models.experiments.digits.records import COUNTS, LEVELS_DB, DigitsRun
from models.experiments.digits.report import Report, Sample, Sparsity, named
from models.experiments.digits.table import REFERENCE, SECTIONS, Runs

PIXELS = ".pixels{width:8rem;image-rendering:pixelated;margin:.2rem}"
EXAMPLES = (0, 1, 2)  # canvases of each condition that are drawn
LABELS = tuple(map(str, range(CLASSES)))


def page(report: Report, runs: Sequence[DigitsRun], samples: Sequence[Sample]) -> str:
    """The report as HTML."""
    title = f"Digits in clutter and noise, {report.side} side"
    confusions = [
        f"<div><h3>{name}</h3>{plots.confusion(counts, LABELS)}</div>"
        for name, counts in report.confusion.items()
    ]
    sections = [
        f"<h1>{escape(title)}</h1><p>{report.images} test images, on "
        f"canvases of their own in each condition, the same for every network. SNR is the "
        f"digit's variance over the noise's.</p>{_curves(table.by_family(runs))}",
        f"<h2>Tables</h2>{_tables(table.table(runs))}",
        f"<h2>Confusion of {REFERENCE}, all seeds</h2><div class=plots>{''.join(confusions)}</div>",
        f"<h2>Sparsity of {REFERENCE}</h2><p>Seed {report.sparsity_seed}. A "
        f"canvas, and beside it the share of channels that each unit's threshold sets to zero at "
        f"each place: white is all.</p>",
        *(
            _pictures(sample, sparsity)
            for sample, sparsity in zip(samples, report.sparsity, strict=True)
        ),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}{PIXELS}</style>{''.join(sections)}</html>\n"
    )


def _curves(families: Runs) -> str:
    """Macro-F1, mean over seeds: against SNR, and against fragments in noise."""
    levels = [(float(level), f"{level} dB") for level in LEVELS_DB]
    counts = [(float(count), f"{count}, 0 dB") for count in COUNTS]
    drawn = (
        ("Against SNR, mean of the noises", "SNR, dB|macro-F1, %", "Against SNR", levels),
        ("Against clutter, Gaussian 0 dB", "fragments|macro-F1, %", "Against clutter", counts),
    )
    parts = []
    for title, names, section, columns in drawn:
        lines = {name: _line(by_seed, section, columns) for name, by_seed in families.items()}
        plot = plots.lines(lines, (columns[0][0], columns[-1][0]), (0, 100), names)
        parts.append(f"<div><h2>{title}</h2>{plot}</div>")
    return f"<div class=plots>{''.join(parts)}</div>"


def _line(
    by_seed: Mapping[int, DigitsRun], section: str, columns: Sequence[tuple[float, str]]
) -> list[tuple[float, float]]:
    figures = [SECTIONS[section](run) for run in by_seed.values()]
    return [(x, float(np.mean([run[column] for run in figures]))) for x, column in columns]


def _pictures(sample: Sample, sparsity: Sparsity) -> str:
    rows = []
    for index in EXAMPLES:
        canvas = sample.canvases.pixels[index, 0]
        shown = [pictures.grey(canvas, float(canvas.min()), float(canvas.max()), "canvas")]
        shown += [
            pictures.grey(maps[index], 0.0, 1.0, f"unit {unit}")
            for unit, maps in enumerate(sample.maps, 1)
        ]
        rows.append(f"<div>{''.join(shown)}</div>")
    shares = "; ".join(
        f"unit {unit}: {100 * inside:.0f} % where the digit is, {100 * outside:.0f} % elsewhere"
        for unit, (inside, outside) in enumerate(
            zip(sparsity.inside, sparsity.outside, strict=True), 1
        )
    )
    return f"<h3>{named(sample.canvases.condition)}</h3>{''.join(rows)}<p>Zeros in {shares}.</p>"


def _tables(markdown: str) -> str:
    """The Markdown of `models.experiments.digits.table` as HTML: headings, lines and tables."""
    return "".join(_block(block) for block in markdown.split("\n\n"))


def _block(block: str) -> str:
    if block.startswith("### "):
        return f"<h3>{escape(block[4:])}</h3>"
    if not block.startswith("|"):
        return f"<p>{escape(block)}</p>"
    head, _, *rows = (line.strip("| ").split(" | ") for line in block.splitlines())
    lines = [[f"<th>{escape(cell)}</th>" for cell in head]]
    lines += [[f"<td>{escape(cell)}</td>" for cell in row] for row in rows]
    return f"<table>{''.join('<tr>' + ''.join(line) + '</tr>' for line in lines)}</table>"
