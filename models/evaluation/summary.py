"""An evaluation as one printed table."""

from models.evaluation import markdown
from models.evaluation.records import Condition, Evaluation

LEVELS_DB = (0, -4, -10)


def table(evaluation: Evaluation) -> str:
    """Markdown with a row for each noise.

    Macro-F1 is in per cent, the calibration error in points, and the error of the estimated SNR in
    dB (root mean square).
    """
    at = {(c.noise, c.snr_db): c for c in evaluation.conditions}
    clean = at["none", None]
    noises = dict.fromkeys(c.noise for c in evaluation.conditions if c.snr_db is not None)
    levels = [f"{level} dB" for level in LEVELS_DB]
    heads = ["noise", *levels, *(f"calibration {level}" for level in levels)]
    heads += [f"SNR off at {level}" for level in levels]
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
