"""The charts of a recording's page, each an SVG. Pure."""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np

from agent.core.bearing import Orders
from agent.diagnosis import envelope
from agent.diagnosis.envelope import Envelope
from agent.jobs.replay import table
from agent.jobs.replay.report import axes
from agent.jobs.replay.report.axes import HEIGHT, LEFT, TOP, Axis
from agent.jobs.replay.report.overview import Overview, Table
from agent.jobs.replay.report.png import png
from agent.jobs.replay.spans import StateSpan
from agent.jobs.replay.verdict import clock

RANGE_DB = 60.0  # of a spectrogram's colours, down from the strongest point
STATES_HEIGHT = 74
HARMONICS = 3  # of each line that is drawn
MOST_HZ = 500.0  # of an envelope's spectrum where no lines are known
COLUMNS = 900  # of a curve
TIMES_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600)
# Dark to light, near to equal steps for the eye; readable in grey.
ANCHORS = (
    (8, 10, 40),
    (58, 30, 110),
    (140, 45, 115),
    (220, 85, 80),
    (250, 165, 75),
    (252, 245, 190),
)


def time_axis(duration_s: float) -> Axis:
    return Axis(0.0, duration_s, "time in the recording", clock, steps=9, sizes=TIMES_S)


def states(spans: Sequence[StateSpan], time: Axis) -> str:
    """The decisions, a coloured bar each."""
    bars = []
    for span in spans:
        start, end = axes.x(time, span.start_s), axes.x(time, span.end_s)
        text = f"{clock(span.start_s)} to {clock(span.end_s)}: {table.decision(span)}"
        bars.append(
            f'<rect class="{span.state.decision}" x="{start:.2f}" y="{TOP}" '
            f'width="{max(end - start, 0.5):.2f}" height="26"><title>{escape(text)}</title></rect>'
        )
    return axes.chart("Decisions over time", time, None, "".join(bars), STATES_HEIGHT)


def waveform(overview: Overview, time: Axis, unit: str) -> str:
    """The smallest and the largest sample of each column, as one filled shape."""
    columns = overview.waveform()
    largest = float(np.abs(columns).max(initial=0.0)) or 1.0
    up = Axis(-largest, largest, unit, lambda value: f"{value:.3g}", steps=4)
    at = [axes.x(time, (column + 0.5) * overview.column_s) for column in range(len(columns))]
    upper = [f"{x:.1f},{axes.y(up, high):.1f}" for x, high in zip(at, columns[:, 1], strict=True)]
    lower = [f"{x:.1f},{axes.y(up, low):.1f}" for x, low in zip(at, columns[:, 0], strict=True)]
    shape = f'<polygon class="wave" points="{" ".join(upper + lower[::-1])}"/>'
    return axes.chart("Waveform", time, up, shape)


def spectrogram(overview: Overview, time: Axis, rate_hz: float) -> str:
    power = overview.spectrogram()
    up = Axis(0.0, rate_hz / 2, "Hz", steps=5)
    end = axes.x(time, min(time.high, len(power) * overview.column_s))
    image = base64.b64encode(png(_shades(power), palette())).decode()
    content = (
        f'<image x="{LEFT}" y="{TOP}" width="{max(end - LEFT, 0.1):.2f}" '
        f'height="{HEIGHT - axes.BOTTOM - TOP}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{image}"/>'
    )
    return axes.chart("Spectrogram", time, up, content if len(power) else "")


def envelope_spectrum(spectrum: Envelope, lines_hz: dict[str, float]) -> str:
    """In dB over its median, with the bearing's lines where they are known."""
    most_hz = max([MOST_HZ, *((HARMONICS + 0.3) * line_hz for line_hz in lines_hz.values())])
    across = Axis(0.0, min(most_hz, len(spectrum.power) * spectrum.bin_hz), "Hz", steps=10)
    power = spectrum.power[1 : round(across.high / spectrum.bin_hz)]
    level_db = 10 * np.log10(power / (np.median(power) or 1.0) + 1e-3)
    up = Axis(-10.0, max(30.0, float(level_db.max(initial=0.0)) + 3), "dB", steps=4)
    peaks = [float(part.max()) for part in np.array_split(level_db, min(COLUMNS, len(level_db)))]
    width = (across.high - across.low) / len(peaks)
    points = (
        f"{axes.x(across, (at + 0.5) * width):.1f},{axes.y(up, max(peak, -10.0)):.1f}"
        for at, peak in enumerate(peaks)
    )
    curve = f'<polyline class="curve" points="{" ".join(points)}"/>'
    marks = "".join(_marks(name, line_hz, across) for name, line_hz in lines_hz.items())
    return axes.chart("Spectrum of the envelope", across, up, marks + curve)


def bearing_lines_hz(orders: Orders | None, rpm: float | None) -> dict[str, float]:
    """By name the first line of each series; empty where speed or bearing are not known."""
    if not rpm:
        return {}
    series = {} if orders is None else envelope.series(orders)
    return {"shaft": rpm / 60} | {name: order * rpm / 60 for name, order in series.items()}


def palette() -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    """256 colours [256, 3]."""
    at = np.linspace(0, len(ANCHORS) - 1, 256)
    anchors = np.array(ANCHORS, np.float64)
    colours = [np.interp(at, range(len(ANCHORS)), anchors[:, part]) for part in range(3)]
    return np.rint(np.stack(colours, axis=1)).astype(np.uint8)


def _shades(power: Table) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    """Rows from the highest band down, columns in time."""
    level_db = 10 * np.log10(power + 1e-30)
    share = (level_db - level_db.max(initial=-300.0)) / RANGE_DB + 1
    return np.ascontiguousarray(np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8).T[::-1])


def _marks(name: str, line_hz: float, across: Axis) -> str:
    """The first harmonics of a line; those beyond the chart are left out."""
    marks = ""
    for harmonic in range(1, HARMONICS + 1):
        if (at_hz := harmonic * line_hz) <= across.high:
            at = f"{axes.x(across, at_hz):.1f}"
            text = f"{harmonic} x {name}: {at_hz:.2f} Hz"
            marks += (
                f'<line class="line {name}" x1="{at}" x2="{at}" y1="{TOP}" '
                f'y2="{HEIGHT - axes.BOTTOM}"><title>{escape(text)}</title></line>'
            )
    return marks


def legend(lines_hz: dict[str, float]) -> str:
    """The lines' colours, names and frequencies."""
    names = {"shaft": "shaft", "bpfo": "BPFO, outer race", "bpfi": "BPFI, inner race"} | {
        "bsf": "2 BSF, ball",
        "ftf": "FTF, cage",
    }
    return " ".join(
        f'<span class="key {name}">{names[name]}: {line_hz:.2f} Hz</span>'
        for name, line_hz in lines_hz.items()
    )
