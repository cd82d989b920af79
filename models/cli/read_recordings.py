"""Arguments that say how a user's recordings are read, for every verb that reads some."""

import argparse
from pathlib import Path

from agent.core.bearing import BY_ORDERS, Bearing
from agent.core.errors import UserError
from models.data.listing import MANIFEST
from models.data.recipe import Source
from models.guard import rate


def add(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--channels", type=int, nargs="+", metavar="N", help="columns that the network reads; all"
    )
    parser.add_argument(
        "--variable", metavar="PATTERN", help="in MATLAB files with several: '*_DE_time'"
    )
    parser.add_argument(
        "--bearing",
        type=float,
        nargs=4,
        metavar=("BPFO", "BPFI", "BSF", "FTF"),
        help="orders of the bearing, for networks that read them; the manifest tells the rpm",
    )


def add_rate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rate-hz", type=rate, metavar="HZ", help="of recordings that do not say their own"
    )


def folder(given: Path) -> Path:
    """The data set that is meant, whether by its folder or by its manifest."""
    return (given.parent if given.name == MANIFEST else given).resolve()


def source(arguments: argparse.Namespace, channels: int) -> Source:
    """The data set `arguments.data`, of which a model reads that many channels."""
    chosen = tuple(arguments.channels or range(channels))
    if len(chosen) != channels:
        raise UserError(f"--channels: found {len(chosen)}, the model expects {channels}")
    return Source(
        folder(arguments.data).name,
        channels=chosen,
        rate_hz=arguments.rate_hz,
        variable=arguments.variable or "",
        bearing=bearing(arguments),
    )


def bearing(arguments: argparse.Namespace) -> Bearing | None:
    if arguments.bearing is None:
        return None
    try:
        return Bearing(**dict(zip(BY_ORDERS, arguments.bearing, strict=True)))
    except ValueError as error:
        found = " ".join(f"{order:g}" for order in arguments.bearing)
        raise UserError(f"--bearing: found {found}, expected {error}") from None
