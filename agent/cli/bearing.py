"""`bearing`: a bearing's orders and, at a speed, the frequencies at which its faults show."""

import argparse

import msgspec

from agent.core import bearing_names
from agent.core.bearing import Orders
from agent.core.bearing_table import ROWS
from agent.core.errors import UserError

MEANINGS = {
    "bpfo": "a fault of the outer race",
    "bpfi": "a fault of the inner race",
    "bsf": "a ball's spin; its fault shows at twice this",
    "ftf": "the cage",
}


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="*",
        help="e.g. 6205; or BPFO BPFI BSF FTF; or balls=9 ball_mm=7.94 pitch_mm=39.04; "
        "nothing: the names that are known",
    )
    parser.add_argument("--rpm", type=float, help="of the shaft")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.name:
        for name, row in ROWS.items():
            print(f"{name:8} {'; '.join(row.sources)}")
        return 0
    if arguments.rpm is not None and not 0 < arguments.rpm <= 1e6:
        raise UserError(f"--rpm: found {arguments.rpm:g}, expected more than 0 and at most 1e6")
    text = " ".join(arguments.name)
    try:
        bearing = bearing_names.bearing(text)
    except ValueError as error:
        raise UserError(f"bearing: found {text!r}, expected {error}") from None
    _print(bearing.orders, arguments.rpm)
    return 0


def _print(orders: Orders, rpm: float | None) -> None:
    for name, order in msgspec.structs.asdict(orders).items():
        hz = "" if rpm is None else f" {order * rpm / 60:9.2f} Hz"
        print(f"{name:4}  {order:8.4f}{hz}  {MEANINGS[name]}")
