"""Axes of a chart as SVG: round ticks, grid, titles. Colours come from the page's style."""

import math
from collections.abc import Callable, Iterator
from html import escape

import msgspec

WIDTH, HEIGHT = 920, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 26, 10, 38


class Axis(msgspec.Struct, frozen=True):
    """The range of a chart's side, from `low` to `high`."""

    low: float
    high: float
    title: str
    text: Callable[[float], str] = lambda value: f"{value:.6g}"
    steps: int = 8  # about
    sizes: tuple[float, ...] = ()  # that a step may have; none: 1, 2 or 5 of a power of ten

    def share(self, value: float) -> float:
        """Where the value lies between the ends: 0 to 1."""
        return (value - self.low) / ((self.high - self.low) or 1.0)

    def ticks(self) -> Iterator[float]:
        """The multiples of a round step."""
        least = ((self.high - self.low) or 1.0) / self.steps
        decade = 10.0 ** math.floor(math.log10(least))
        tens = tuple(digit * decade for digit in (1, 2, 5, 10))
        step = next(size for size in (*self.sizes, *tens) if size >= least)
        for count in range(math.ceil(self.low / step), math.floor(self.high / step + 1e-9) + 1):
            yield count * step


def x(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)


def y(axis: Axis, value: float, height: int = HEIGHT) -> float:
    return height - BOTTOM - axis.share(value) * (height - BOTTOM - TOP)


def chart(title: str, across: Axis, up: Axis | None, content: str, height: int = HEIGHT) -> str:
    """An SVG with both axes around `content`; `title` is read to those who cannot see it."""
    parts = [*_across(across, height), *(_up(up, height) if up else ())]
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}{content}</svg>"
    )


def _across(axis: Axis, height: int) -> Iterator[str]:
    base = height - BOTTOM
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>'
    for value in axis.ticks():
        at = x(axis, value)
        yield f'<text class="mid" x="{at:.1f}" y="{base + 15}">{escape(axis.text(value))}</text>'
        yield f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{base}" y2="{base + 4}"/>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text class="mid" x="{middle}" y="{height - 4}">{escape(axis.title)}</text>'


def _up(axis: Axis, height: int) -> Iterator[str]:
    for value in axis.ticks():
        at = f"{y(axis, value, height):.1f}"
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
        yield f'<text class="end" x="{LEFT - 6}" y="{at}" dy="4">{escape(axis.text(value))}</text>'
    middle = (TOP + height - BOTTOM) / 2
    turned = f'transform="translate(12 {middle}) rotate(-90)"'
    yield f'<text class="mid" {turned}>{escape(axis.title)}</text>'
