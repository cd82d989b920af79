"""Units in which people read velocities; messages, files and keys always have mm/s."""

from typing import Literal

Units = Literal["metric", "imperial"]
MM_PER_INCH = 25.4
VELOCITY: dict[Units, str] = {"metric": "mm/s", "imperial": "in/s"}


def velocity(value_mm_s: float, units: Units) -> float:
    """In the unit that `VELOCITY` names."""
    return value_mm_s / MM_PER_INCH if units == "imperial" else value_mm_s
