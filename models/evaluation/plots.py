"""Plots as inline SVG without scripts or other files. The colours come from the page."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, MARGIN, EDGE = 460, 290, 44, 18
HUES = ("c0", "c1", "c2", "c3", "c4", "c5", "c6")
Points = Sequence[tuple[float, float]]


def lines(
    series: Mapping[str, Points], x: tuple[float, float], y: tuple[float, float], names: str
) -> str:
    """One line a series over those ranges; `names` is 'x axis|y axis'."""
    parts = [_axes(x, y, names)]
    for hue, (name, points) in zip(HUES, series.items(), strict=False):
        path = " ".join(f"{_at(px, x, WIDTH):.1f},{_up(py, y):.1f}" for px, py in points)
        parts.append(
            f'<polyline class="{hue}" points="{path}"><title>{escape(name)}</title></polyline>'
        )
    return _svg(parts, WIDTH, HEIGHT) + _legend(list(series))


def reliability(bins: Sequence[tuple[float, float, int]]) -> str:
    """Share right over confidence: a dot for each bin, with an area that grows with its windows."""
    whole, most = (0.0, 1.0), max(count for *_, count in bins)
    parts = [_axes(whole, whole, "confidence|share right")]
    ends = f'x1="{MARGIN}" y1="{_up(0, whole)}" x2="{_at(1, whole, WIDTH)}" y2="{_up(1, whole)}"'
    parts.append(f'<line class="diagonal" {ends}/>')
    for confidence, right, count in bins:
        radius = 3 + 9 * (count / most) ** 0.5
        parts.append(
            f'<circle class="c0" cx="{_at(confidence, whole, WIDTH):.1f}" '
            f'cy="{_up(right, whole):.1f}" r="{radius:.1f}"><title>{count} windows</title></circle>'
        )
    return _svg(parts, WIDTH, HEIGHT)


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """A table whose cells are as strong as their share of the row."""
    head = "".join(f"<th>{escape(label)}</th>" for label in labels)
    rows = [
        f"<tr><th>{escape(label)}</th>{''.join(_cell(count, sum(row)) for count in row)}</tr>"
        for label, row in zip(labels, counts, strict=True)
    ]
    return (
        f"<table class=confusion><tr><th>true \\ predicted</th>{head}</tr>{''.join(rows)}</table>"
    )


def _cell(count: int, total: int) -> str:
    share = count / total if total else 0.0
    return f'<td style="--share:{share:.2f}">{count}</td>'


def _axes(x: tuple[float, float], y: tuple[float, float], names: str) -> str:
    name_x, _, name_y = names.partition("|")
    ticks = [
        f'<text x="{_at(v, x, WIDTH):.0f}" y="{HEIGHT - MARGIN + 16}" class="mid">{v:g}</text>'
        for v in _ticks(x)
    ]
    for value in _ticks(y):
        up = f"{_up(value, y):.0f}"
        ticks.append(f'<line class="grid" x1="{MARGIN}" x2="{WIDTH}" y1="{up}" y2="{up}"/>')
        ticks.append(f'<text x="{MARGIN - 6}" y="{up}" class="end">{value:.4g}</text>')
    middle = (WIDTH + MARGIN) / 2
    ticks.append(f'<text x="{middle}" y="{HEIGHT - 8}" class="mid">{escape(name_x)}</text>')
    ticks.append(f'<text x="{MARGIN + 4}" y="11">{escape(name_y)}</text>')
    return "".join(ticks)


def ceiling(value: float) -> float:
    """The end of an axis from 0 that holds the value, and whose quarters are short numbers."""
    if value <= 0:
        return 1.0
    decade = 10.0 ** math.floor(math.log10(value))
    return next(step * decade for step in (1, 2, 4, 8, 10) if step * decade >= value * (1 - 1e-9))


def _ticks(span: tuple[float, float]) -> list[float]:
    low, high = span
    return [low + (high - low) * step / 4 for step in range(5)]


def _at(value: float, span: tuple[float, float], width: int) -> float:
    return MARGIN + (value - span[0]) / (span[1] - span[0]) * (width - MARGIN - EDGE)


def _up(value: float, span: tuple[float, float]) -> float:
    room = HEIGHT - MARGIN
    return room - (value - span[0]) / (span[1] - span[0]) * (room - EDGE)


def _svg(parts: Sequence[str], width: int, height: int) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>'


def _legend(names: Sequence[str]) -> str:
    shown = zip(HUES, names, strict=False)
    return (
        "<p>" + " ".join(f'<span class="{hue} key">{escape(n)}</span>' for hue, n in shown) + "</p>"
    )
