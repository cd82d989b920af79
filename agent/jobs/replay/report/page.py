"""The page: one section a recording, with its verdict, charts and table."""

import os
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import get_args

import numpy as np

from agent.core import files
from agent.core.errors import ConditionError
from agent.core.types import Decision, Samples
from agent.diagnosis import envelope, periodicity
from agent.jobs.replay import table
from agent.jobs.replay.report import charts
from agent.jobs.replay.report.overview import Overview
from agent.jobs.replay.report.signal_log import SignalLog
from agent.jobs.replay.scoring import Replayed
from agent.jobs.replay.verdict import clock, verdict, worst_state

STYLE = """
:root{--ground:#f6f7f9;--card:#fff;--ink:#16202b;--dim:#5a6775;--rule:#dfe4ea;--wave:#1b7896;
--normal:#2c8f5f;--fault:#c8451c;--unknown:#7a63c4;--abstain:#9aa6b2;--sensor_fault:#b07d18;--detected:#1c7ed6;
--stopped:#495057}
@media(prefers-color-scheme:dark){:root{--ground:#0d1218;--card:#151c24;--ink:#e6ecf2;--dim:#9aa8b7;
--rule:#2a3542;--wave:#5cc4e4;--normal:#53c994;--fault:#ff9166;--unknown:#b7a6e6;--abstain:#6f7d8b;
--sensor_fault:#e5b04e;--detected:#74c0fc;--stopped:#ced4da}}
body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:0 auto;
max-width:62rem;padding:1rem}
section{background:var(--card);border:1px solid var(--rule);border-radius:8px;margin:1rem 0;
padding:1rem 1.2rem}
h1{font-size:1.3rem}h2{font-size:1.1rem;margin:0;overflow-wrap:anywhere}
h3{font-size:.95rem;margin:1.2rem 0 0}
p{margin:.3rem 0}.dim,figcaption{color:var(--dim);font-size:.88rem}.verdict{font-size:1.05rem}
figure{margin:.3rem 0;overflow-x:auto}svg{display:block;min-width:34rem;width:100%}
text{fill:var(--dim);font-size:11px}.mid{text-anchor:middle}.end{text-anchor:end}
.axis,.grid{stroke:var(--rule)}.wave{fill:var(--wave);stroke:var(--wave);stroke-width:.6}
.curve{fill:none;stroke:var(--ink);stroke-width:1}.line{stroke-width:1.6;stroke-dasharray:5 3}
.normal{fill:var(--normal)}.fault{fill:var(--fault)}.unknown{fill:var(--unknown)}
.abstain{fill:var(--abstain)}.sensor_fault{fill:var(--sensor_fault)}.detected{fill:var(--detected)}
.stopped{fill:var(--stopped)}
.shaft{--hue:#8a97a5}.bpfo{--hue:#d9480f}.bpfi{--hue:#1c7ed6}.bsf{--hue:#2b8a3e}.ftf{--hue:#9c36b5}
.line{stroke:var(--hue)}.key{border-left:.9rem solid var(--hue);margin-right:.9rem;
padding-left:.3rem;white-space:nowrap}
.key.state{--hue:var(--of)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--rule);padding:.2rem .8rem .2rem 0;text-align:left}
"""
STATES = get_args(Decision)


def section(file: str, replayed: Replayed, signal: SignalLog) -> str:
    """A recording as HTML."""
    origin, name = replayed.pipeline.origin, escape(os.fsencode(file).decode(errors="replace"))
    time = charts.time_axis(replayed.duration_s)
    parts = [
        f"<section><h2>{name}</h2>",
        f'<p class="verdict"><strong>{escape(verdict(replayed.spans))}</strong></p>',
        f'<p class="dim">{clock(replayed.duration_s)}, ',
        f"{escape(replayed.pipeline.describe().removeprefix('file '))}</p>",
        _figure(charts.states(replayed.spans, time), _state_keys()),
    ]
    numbers = replayed.pipeline.settings.common.channels or range(origin.contract.channels)
    for at, overview in enumerate(signal.overviews):
        if len(numbers) > 1:
            parts.append(f"<h3>Channel {numbers[at]}</h3>")
        parts += _of_channel(replayed, signal, overview, at)
    parts += [_table(replayed), "</section>"]
    return "".join(parts)


def write(path: Path, sections: Sequence[str]) -> None:
    """Writes the page; `ConditionError` where it cannot be written."""
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Recordings: drsn-agent</title><style>{STYLE}</style></head>"
        f"<body><h1>Recordings, as drsn-agent scores them</h1>{''.join(sections)}</body></html>\n"
    )
    try:
        files.write(path, page.encode())
    except OSError as error:
        raise ConditionError(f"--html: {path} cannot be written: {error.strerror}") from None


def _of_channel(
    replayed: Replayed, signal: SignalLog, overview: Overview, channel: int
) -> Iterator[str]:
    time = charts.time_axis(replayed.duration_s)
    unit, rate_hz = replayed.pipeline.origin.unit, replayed.pipeline.origin.contract.rate_hz
    yield _figure(charts.waveform(overview, time, unit), "Waveform, as the network gets it.")
    yield _figure(
        charts.spectrogram(overview, time, rate_hz),
        f"Spectrogram; the lightest is the strongest, the darkest {charts.RANGE_DB:.0f} dB below.",
    )
    piece = signal.piece(worst_state(replayed.spans))
    if piece is not None and piece.shape[1] >= periodicity.LEAST_S * rate_hz and piece.any():
        yield _envelope(replayed, signal, piece[channel], rate_hz)


def _envelope(replayed: Replayed, signal: SignalLog, piece: Samples, rate_hz: float) -> str:
    common = replayed.pipeline.settings.common
    rpm = signal.rpm or common.rpm
    lines_hz = charts.bearing_lines_hz(common.orders, rpm)
    least_hz = periodicity.BAND_HZ
    if common.orders is not None and rpm:
        least_hz = envelope.highest_hz(common.orders, rpm)
    spectrum = envelope.envelope(piece.astype(np.float64), rate_hz, least_hz)
    if spectrum is None:
        return ""
    low_hz, high_hz = spectrum.band_hz
    state = " ".join(filter(None, worst_state(replayed.spans)))
    seconds = f"{len(piece) / rate_hz:.1f} s of the state {escape(state)}"
    caption = (
        f"Spectrum of the envelope of {low_hz:.0f} to {high_hz:.0f} Hz, of {seconds}, in dB above "
        "its median. A damaged bearing has lines. "
    )
    keys = charts.legend(lines_hz)
    if common.orders is None or not rpm:
        keys += " Where the bearing's lines would be is not known without speed and bearing."
    return _figure(charts.envelope_spectrum(spectrum, lines_hz), f"{caption}<br>{keys}")


def _figure(svg: str, caption: str) -> str:
    """`caption` is HTML."""
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _state_keys() -> str:
    return " ".join(
        f'<span class="key state" style="--of:var(--{state})">{state}</span>' for state in STATES
    )


def _table(replayed: Replayed) -> str:
    origin = replayed.pipeline.origin
    head, *rows = table.rows(replayed.spans, origin.contract.labels, origin.unit)
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<figure><table><tr>{titles}</tr>{body}</table></figure>"
