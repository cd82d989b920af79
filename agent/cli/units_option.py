"""The option `--units`, and a history in the units that it names."""

import argparse
from typing import get_args

import msgspec

from agent.core.units import Units, velocity
from agent.delivery.trends.levels import Level, Summary
from agent.delivery.trends.reading import History, Point

VELOCITY_MM_S, VELOCITY_IN_S = "velocity_mm_s", "velocity_in_s"


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--units", choices=get_args(Units), default="metric", help="velocities in mm/s or in/s"
    )


def level(name: str, units: Units) -> str:
    """The name of a level of measurements in these units."""
    return VELOCITY_IN_S if (name, units) == (VELOCITY_MM_S, "imperial") else name


def metric(name: str) -> str:
    """The name of that level in measurements, whichever units it was written with."""
    return VELOCITY_MM_S if name == VELOCITY_IN_S else name


def history(recorded: History, units: Units) -> History:
    """The same with its velocities in these units."""
    if units == "metric":
        return recorded
    points = tuple(_point(point, units) for point in recorded.points)
    return msgspec.structs.replace(recorded, points=points)


def _point(point: Point, units: Units) -> Point:
    levels = {
        level(name, units): _converted(value, units) if name == VELOCITY_MM_S else value
        for name, value in point.summary.levels.items()
    }
    return msgspec.structs.replace(point, summary=Summary(point.summary.decisions, levels))


def _converted(value: Level, units: Units) -> Level:
    lowest, mean, highest = (
        velocity(part, units) for part in (value.lowest, value.mean, value.highest)
    )
    return Level(lowest, mean, highest, value.count)
