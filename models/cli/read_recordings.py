"""Arguments for reading a user's recordings, shared by the verbs that read some."""

import argparse
from pathlib import Path

from agent.core import bearing_names
from agent.core.bearing import Bearing
from agent.core.errors import UserError
from models.command import rate
from models.data.listing import MANIFEST
from models.data.recipe import Source


def add(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--channels",
        type=int,
        nargs="+",
        metavar="N",
        help="columns that the network reads (default: all)",
    )
    parser.add_argument(
        "--variable",
        metavar="PATTERN",
        help="the signal in MATLAB files that hold several: '*_DE_time'",
    )
    parser.add_argument(
        "--bearing",
        nargs="+",
        metavar="NAME",
        help="the bearing, for networks that read its orders: its name, e.g. 6205, or BPFO BPFI "
        "BSF FTF; the rpm is in the manifest",
    )


def add_rate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rate-hz", type=rate, metavar="HZ", help="of recordings that do not hold their own rate"
    )


def folder(path: Path) -> Path:
    """The folder of a data set, from its path or the path of its manifest."""
    return (path.parent if path.name == MANIFEST else path).resolve()


def source(arguments: argparse.Namespace, channels: int) -> Source:
    """The data set `arguments.data`, for a model that reads `channels` channels."""
    columns = tuple(arguments.channels or range(channels))
    if len(columns) != channels:
        raise UserError(f"--channels: found {len(columns)}, the model expects {channels}")
    return Source(
        folder(arguments.data).name,
        channels=columns,
        rate_hz=arguments.rate_hz,
        variable=arguments.variable or "",
        bearing=bearing(arguments),
    )


def bearing(arguments: argparse.Namespace) -> Bearing | None:
    """The bearing of `--bearing`, or None; raises UserError for an unknown or impossible one."""
    if arguments.bearing is None:
        return None
    text = " ".join(arguments.bearing)
    try:
        return bearing_names.bearing(text)
    except ValueError as error:
        raise UserError(f"--bearing: found {text}, expected {error}") from None
