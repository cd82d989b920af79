"""An evaluation as one self-contained HTML page, in light or dark colours."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import msgspec

from models.evaluation import plots
from models.evaluation.evaluate import LEVELS_DB
from models.evaluation.records import Condition, Evaluation, Figure

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#d5dae0}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--paper:#14171b;--faint:#3a4048}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
 max-width:62rem;margin:2rem auto;padding:0 1rem}
.plots{display:flex;flex-wrap:wrap;gap:1.5rem}.plots>div{flex:1 1 24rem}
svg{width:100%}svg text{fill:var(--ink);font-size:11px}.mid{text-anchor:middle}.end{text-anchor:end}
polyline{fill:none;stroke-width:2;stroke:var(--c)}circle{fill:var(--c);fill-opacity:.7}
.grid{stroke:var(--faint)}.diagonal{stroke:var(--ink);stroke-dasharray:4}
.key{border-bottom:3px solid var(--c);margin-right:1em}
.c0{--c:#3b7dd8}.c1{--c:#d9822b}.c2{--c:#2f9e6e}.c3{--c:#b04ec7}.c4{--c:#c94040}.c5{--c:#3aa6b0}
.c6{--c:#8a8f2c}
table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:.2rem .6rem;
 border:1px solid var(--faint);text-align:right}
.confusion td{background:rgb(59 125 216/calc(var(--share)*.7))}
"""


def write(evaluation: Evaluation, out: Path) -> None:
    """Writes the page as .html and its figures as .json beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".json").write_bytes(msgspec.json.encode(evaluation))
    out.with_suffix(".html").write_text(page(evaluation))


def page(evaluation: Evaluation) -> str:
    """The report; its figures are those of the JSON beside it."""
    model = evaluation.model
    title = f"{model['name']} {model['version']} ({model['precision']}) on {evaluation.data}"
    labels = ", ".join(sorted(set(evaluation.recordings.values())))
    sections = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Family {escape(model['family'])}; file sha256 <code>{escape(model['sha256'])}</code>. "
        f"{evaluation.windows} windows of {len(evaluation.recordings)} recordings "
        f"({escape(labels)}) of the "
        f"split {escape(evaluation.split)}; seed {evaluation.seed}. One decision a window, nothing "
        f"smoothed. Intervals: 95 %, bootstrap over recordings within each label; a label with "
        f"a single recording does not vary.</p>",
        _curves(evaluation),
        *(
            _details(evaluation, noise, level)
            for noise, level in (("none", None), ("gaussian", -4))
        ),
        _table(evaluation),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style>{''.join(sections)}</html>\n"
    )


def _curves(evaluation: Evaluation) -> str:
    """Macro-F1 over SNR, one line for each noise; also the thresholds, where there are any."""
    whole = (float(LEVELS_DB[0]), float(LEVELS_DB[-1]))
    kinds = list(dict.fromkeys(c.noise for c in evaluation.conditions if c.snr_db is not None))

    def points(kind: str, name: str) -> list[tuple[float, float]]:
        series = [c for c in evaluation.conditions if c.noise == kind and c.snr_db is not None]
        return [(float(c.snr_db or 0), _value(c, name)) for c in series]

    right = {kind: points(kind, "macro_f1") for kind in kinds}
    parts = [f"<div><h2>Macro-F1</h2>{plots.lines(right, whole, (0, 1), 'SNR, dB|')}</div>"]
    if evaluation.conditions[0].shrinkage is not None:
        shrunk = {kind: points(kind, "shrinkage") for kind in kinds}
        most = plots.ceiling(max(value for line in shrunk.values() for _, value in line))
        drawn = plots.lines(shrunk, whole, (0, most), "SNR, dB|mean threshold over mean |x|")
        parts.append(f"<div><h2>Thresholds</h2>{drawn}</div>")
    return f"<div class=plots>{''.join(parts)}</div>"


def _value(condition: Condition, name: str) -> float:
    field = getattr(condition, name)
    return float((field.value if isinstance(field, Figure) else field) or 0.0)


def _details(evaluation: Evaluation, noise: str, level: int | None) -> str:
    condition = next(c for c in evaluation.conditions if (c.noise, c.snr_db) == (noise, level))
    name = "Clean" if level is None else f"{noise.capitalize()} {level} dB"
    return (
        f"<h2>{name}</h2><div class=plots>"
        f"<div>{plots.confusion(condition.confusion, evaluation.labels)}</div><div>"
        f"{plots.reliability(condition.reliability)}"
        f"<p>Calibration error {100 * condition.calibration_error:.1f} points.</p></div></div>"
    )


def _table(evaluation: Evaluation) -> str:
    heads = [
        "noise",
        "SNR, dB",
        "macro-F1, %",
        *(f"recall {name}, %" for name in evaluation.labels),
    ]
    heads += [
        "missed faults, %",
        f"false alarms an hour at {evaluation.hop_s:g} s",
        "calibration error",
    ]
    rows = [_row(condition) for condition in evaluation.conditions]
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f"<h2>Every condition</h2><table><tr>{head}</tr>{lines}</table>"


def _row(condition: Condition) -> Sequence[str]:
    return [
        condition.noise,
        "" if condition.snr_db is None else str(condition.snr_db),
        _shown(condition.macro_f1, 100),
        *(_shown(figure, 100) for figure in condition.recall.values()),
        _shown(condition.missed_faults, 100),
        _shown(condition.false_alarms_per_hour, 1),
        f"{100 * condition.calibration_error:.1f}",
    ]


def _shown(figure: Figure, scale: int) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "-"
    low, high = scale * figure.low, scale * figure.high
    return f"{scale * figure.value:.1f} ({low:.1f}-{high:.1f})"
