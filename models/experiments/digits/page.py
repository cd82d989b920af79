"""Image trials as one HTML page that needs nothing else, in the form of the other reports."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from models.evaluation import plots
from models.evaluation.report import STYLE
from models.experiments.digits import pictures, table
from models.experiments.digits.cluttered_digits import CLASSES
from models.experiments.digits.records import COUNTS, LEVELS_DB, DigitsRun
from models.experiments.digits.report import Look, Report, Zeroed, named
from models.experiments.digits.table import REFERENCE, SECTIONS, Runs

PIXELS = ".pixels{width:8rem;image-rendering:pixelated;margin:.2rem}"
EXAMPLES = (0, 1, 2)  # canvases of each condition that are drawn
LABELS = tuple(map(str, range(CLASSES)))


def page(found: Report, runs: Sequence[DigitsRun], looked: Sequence[Look]) -> str:
    """The report as HTML."""
    title = f"Digits in clutter and noise, {found.side} side"
    confusions = [
        f"<div><h3>{name}</h3>{plots.confusion(counts, LABELS)}</div>"
        for name, counts in found.confusion.items()
    ]
    sections = [
        f"<h1>{escape(title)}</h1><p>{found.images} images that no network learned from, on "
        f"canvases of their own in each condition, the same for every network. SNR is the "
        f"digit's variance over the noise's.</p>{_curves(table.by_family(runs))}",
        f"<h2>Tables</h2>{_tables(table.table(runs))}",
        f"<h2>Confusion of {REFERENCE}, all seeds</h2><div class=plots>{''.join(confusions)}</div>",
        f"<h2>Where {REFERENCE} zeroes</h2><p>Seed {found.zeroed_seed}. A "
        f"canvas, and beside it the share of channels that each unit's threshold sets to zero at "
        f"each place: white is all.</p>",
        *(_pictures(each, share) for each, share in zip(looked, found.zeroed, strict=True)),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}{PIXELS}</style>{''.join(sections)}</html>\n"
    )


def _curves(found: Runs) -> str:
    """Macro-F1, mean over seeds: against SNR, and against fragments in noise."""
    levels = [(float(level), f"{level} dB") for level in LEVELS_DB]
    counts = [(float(count), f"{count}, 0 dB") for count in COUNTS]
    drawn = (
        ("Against SNR, mean of the noises", "SNR, dB|macro-F1, %", "Against SNR", levels),
        ("Against clutter, Gaussian 0 dB", "fragments|macro-F1, %", "Against clutter", counts),
    )
    parts = []
    for title, names, section, places in drawn:
        lines = {name: _line(own, section, places) for name, own in found.items()}
        plot = plots.lines(lines, (places[0][0], places[-1][0]), (0, 100), names)
        parts.append(f"<div><h2>{title}</h2>{plot}</div>")
    return f"<div class=plots>{''.join(parts)}</div>"


def _line(
    own: Mapping[int, DigitsRun], section: str, places: Sequence[tuple[float, str]]
) -> list[tuple[float, float]]:
    figures = [SECTIONS[section](run) for run in own.values()]
    return [(x, float(np.mean([one[column] for one in figures]))) for x, column in places]


def _pictures(each: Look, share: Zeroed) -> str:
    rows = []
    for index in EXAMPLES:
        canvas = each.cell.pixels[index, 0]
        shown = [pictures.grey(canvas, float(canvas.min()), float(canvas.max()), "canvas")]
        shown += [
            pictures.grey(maps[index], 0.0, 1.0, f"unit {unit}")
            for unit, maps in enumerate(each.maps, 1)
        ]
        rows.append(f"<div>{''.join(shown)}</div>")
    told = "; ".join(
        f"unit {unit}: {100 * own:.0f} % where the digit is, {100 * rest:.0f} % elsewhere"
        for unit, (own, rest) in enumerate(zip(share.inside, share.outside, strict=True), 1)
    )
    return f"<h3>{named(each.cell.condition)}</h3>{''.join(rows)}<p>Zeroed in {told}.</p>"


def _tables(markdown: str) -> str:
    """The Markdown of `digits_table` as HTML: what it has are headings, lines and tables."""
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
