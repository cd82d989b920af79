"""An evaluation in one table: what is printed when it is done."""

from models.evaluation import markdown
from models.evaluation.records import Condition, Evaluation

LEVELS_DB = (0, -4, -10)


def table(found: Evaluation) -> str:
    """Markdown, a row a noise: macro-F1 in per cent, calibration error in points, and how far the
    estimated SNR is off in dB (root mean square)."""
    at = {(c.noise, c.snr_db): c for c in found.conditions}
    clean = at["none", None]
    noises = dict.fromkeys(c.noise for c in found.conditions if c.snr_db is not None)
    levels = [f"{level} dB" for level in LEVELS_DB]
    heads = ["noise", *levels, *(f"calibration {each}" for each in levels)]
    heads += [f"SNR off at {each}" for each in levels]
    rows = [["none", *_cells([clean] * 3)]] + [
        [noise, *_cells([at[noise, level] for level in LEVELS_DB])] for noise in noises
    ]
    return markdown.table(heads, rows)


def _cells(conditions: list[Condition]) -> list[str]:
    right = [c.macro_f1.value for c in conditions]
    shown = ["" if value is None else f"{100 * value:.1f}" for value in right]
    shown += [f"{100 * c.calibration_error:.1f}" for c in conditions]
    off = [c.snr_error_db for c in conditions]
    return shown + ["" if value is None else f"{value:.1f}" for value in off]
