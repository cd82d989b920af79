"""Turns what a command printed into an SVG of a terminal.

make demo ARGS="--seconds 45" | python docs/picture.py > docs/demo.svg
"""

import sys
from xml.sax.saxutils import escape

LINE_PX, CHARACTER_PX, MARGIN_PX = 18, 8.2, 16
COLOURS = {"EVENT": "#f0b429", " outer": "#ff7b72", "status": "#79c0ff", " normal": "#7ee787"}


def main() -> None:
    lines = [line.rstrip() for line in sys.stdin]
    width = 2 * MARGIN_PX + CHARACTER_PX * max(map(len, lines))
    height = 2 * MARGIN_PX + LINE_PX * len(lines)
    sys.stdout.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'role="img" aria-label="Output of the demo">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n'
        f'<g font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" '
        f'font-size="13.6" xml:space="preserve">\n'
    )
    for number, line in enumerate(lines):
        y = MARGIN_PX + LINE_PX * (number + 0.75)
        sys.stdout.write(
            f'<text x="{MARGIN_PX}" y="{y:.0f}" fill="{_colour(line)}" '
            f'textLength="{CHARACTER_PX * len(line):.0f}">{escape(line)}</text>\n'
        )
    sys.stdout.write("</g>\n</svg>\n")


def _colour(line: str) -> str:
    return next((colour for word, colour in COLOURS.items() if word in line), "#c9d1d9")


if __name__ == "__main__":
    main()
