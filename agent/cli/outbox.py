"""`outbox`: messages that the broker does not take: show them, send them again, drop them.

Works on a stopped agent's outbox; a running agent owns the file and takes the command `outbox`.
"""

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path

from agent.cli import config_option
from agent.config import load
from agent.core import state_directory
from agent.core.errors import UserError
from agent.core.logs import escape
from agent.delivery.outbox import Outbox
from agent.messages import payloads
from agent.service.publishing import open_outbox

RUNNING = "an agent runs there: publish the command `outbox` to it (docs/MQTT.md), or stop it"


def define(parser: argparse.ArgumentParser) -> None:
    config_option.define(parser)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument(
        "seqs",
        type=int,
        nargs="*",
        metavar="SEQ",
        help="numbers of messages; without any, `retry` takes all of them",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load.load(arguments.config)
    folder = Path(config.agent.state_dir)
    if not (folder / "outbox.sqlite").is_file():
        raise UserError(f"agent.state_dir: found no outbox in {folder}")
    if state_directory.in_use(folder):
        raise UserError(f"agent.state_dir: {folder}: {RUNNING}")
    with state_directory.as_owner(folder):
        topics = payloads.Topics(config.mqtt.base, config.agent.id)
        with contextlib.closing(open_outbox(config, topics)) as outbox:
            ACTIONS[arguments.action](outbox, arguments.seqs)
    return 0


def _show(outbox: Outbox, seqs: list[int]) -> None:
    messages = [item for item in outbox.parked_messages() if not seqs or item.seq in seqs]
    for item in messages:
        print(f"{item.seq}  {escape(item.topic)}  {item.bytes} bytes  {escape(item.why)}")
    print(f"{len(messages)} message(s) set aside, {outbox.depth} waiting")


def _retry(outbox: Outbox, seqs: list[int]) -> None:
    print(f"{len(outbox.retry(seqs))} message(s) are sent again when the agent runs")


def _drop(outbox: Outbox, seqs: list[int]) -> None:
    if not seqs:
        raise UserError("outbox drop: found no SEQ, expected the numbers of messages to drop")
    print(f"{len(outbox.drop_parked(seqs))} message(s) dropped")


ACTIONS: dict[str, Callable[[Outbox, list[int]], None]] = {
    "show": _show,
    "retry": _retry,
    "drop": _drop,
}
