"""Arguments for reading a user's recordings, shared by the verbs that read some."""

import argparse
from pathlib import Path

from agent.core.bearing import BY_ORDERS, Bearing
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
        type=float,
        nargs=4,
        metavar=("BPFO", "BPFI", "BSF", "FTF"),
        help="orders of the bearing, for networks that read them; the rpm is in the manifest",
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
    """The bearing of `--bearing`, or None; raises UserError for impossible orders."""
    if arguments.bearing is None:
        return None
    try:
        return Bearing(**dict(zip(BY_ORDERS, arguments.bearing, strict=True)))
    except ValueError as error:
        found = " ".join(f"{order:g}" for order in arguments.bearing)
        raise UserError(f"--bearing: found {found}, expected {error}") from None
