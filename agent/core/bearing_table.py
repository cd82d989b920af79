"""Bearings by their designation: the geometry of those that two independent sources agree on.

Dimensions are facts; each row names where they are confirmed. A maker may put other balls into the
same housing (Timken's 205 has a BPFO of 3.574, SKF's 6205 one of 3.585): such differences are less
than the slip of a bearing. Where sources differ by more there is no row: 6208, 6308 and 6318 are
missing for this reason (docs/PHYSICS.md lists what was compared). The published factors are in
`tests/core/test_bearing_names.py`.
"""

import msgspec

from agent.core.bearing import Bearing

INSERTS = "Timken's catalogue of ball bearing housed units, table of frequency coefficients"
LISTED = "a published list of balls and pitches of deep groove ball bearings"
CWRU = "Case Western Reserve University Bearing Data Center: dimensions and factors"


class Row(msgspec.Struct, frozen=True):
    """One designation."""

    bearing: Bearing
    sources: tuple[str, str]  # what confirms it


def _ball(balls: int, ball_mm: float, pitch_mm: float, *sources: str) -> Row:
    first, second = sources
    return Row(Bearing(balls=balls, ball_mm=ball_mm, pitch_mm=pitch_mm), (first, second))


ROWS = {
    "6203": _ball(8, 6.746, 28.5, CWRU, f"{INSERTS} (203)"),
    "6204": _ball(8, 7.938, 33.5, "ASAHI UC204, of the UESTC bearing data", f"{INSERTS} (204)"),
    "6205": _ball(9, 7.94, 39.04, CWRU, LISTED),
    "6206": _ball(9, 9.525, 46.0, LISTED, f"{INSERTS} (206)"),
    "6207": _ball(9, 11.112, 53.5, LISTED, f"{INSERTS} (207)"),
    "6309": _ball(8, 17.462, 72.5, LISTED, f"{INSERTS} (309)"),
    "6310": _ball(8, 19.05, 80.0, LISTED, f"{INSERTS} (310)"),
    "6312": _ball(8, 22.225, 95.0, LISTED, f"{INSERTS} (312)"),
    "6314": _ball(8, 25.4, 110.0, LISTED, f"{INSERTS} (314)"),
    "6316": _ball(8, 28.575, 125.0, LISTED, f"{INSERTS} (316)"),
    "ER-10K": _ball(
        *(8, 7.9375, 33.503),
        "MB ER-10K, of a machinery fault simulator (NPTEL): dimensions and factors",
        f"{INSERTS} (203, within 0.2 %)",
    ),
    "ER-16K": _ball(
        *(9, 7.9375, 38.5),
        "MB ER-16K, of the bearing data of Curtin University: dimensions and factors",
        f"{INSERTS} (205, within 0.3 %)",
    ),
}
