"""`alarms`: what happened to the sources, and what people say of it.

It reads beside a running agent. What changes something is handed to the agent, which owns the
journal: at once where one runs, else at its next start.
"""

import argparse
import datetime
import os
import pwd
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.cli import alarm_table, config_option
from agent.config import load
from agent.config.load import Config
from agent.control import local_commands
from agent.control.operations import VERBS
from agent.core import state_directory
from agent.core.errors import UserError
from agent.core.logs import escape
from agent.messages import command as commands
from agent.messages.command import Refused

ANSWER_S = 10.0  # for which a result is waited for
MAX_HOURS = 24 * 366.0
MAX_DIGITS = 10  # of a number of events


def define(parser: argparse.ArgumentParser) -> None:
    config_option.define(parser)
    parser.add_argument(
        "action", nargs="?", choices=ACTIONS, default="list", help="list, where none is named"
    )
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="its name")
    parser.add_argument(
        "text", nargs="?", metavar="TEXT", help="a comment; a label, e.g. false_alarm; on or off"
    )
    parser.add_argument("--event", type=int, metavar="ID", help="comment, label: not the newest")
    parser.add_argument("--hours", type=_hours, help="maintenance: it ends after so many")
    parser.add_argument("--by", metavar="NAME", help="who; absent: your user's name")
    parser.add_argument("--all", action="store_true", help="list: every change of a decision too")
    parser.add_argument("--most", type=_most, default=20, help="list: so many events (20)")
    parser.add_argument("--json", action="store_true", help="list: a JSON object a line")
    parser.add_argument("--utc", action="store_true", help="times in UTC, not the local time zone")
    parser.set_defaults(run=_run)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= MAX_HOURS:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected hours above 0, such as 2.5")
    return hours


def _most(text: str) -> int:
    most = int(text) if text.isascii() and text.isdecimal() and len(text) < MAX_DIGITS else 0
    if not most:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number above 0, such as 20")
    return most


def _run(arguments: argparse.Namespace) -> int:
    config = load.load(arguments.config)
    names = [source.common.name for source in config.sources]
    if arguments.source is not None and arguments.source not in names:
        found = escape(repr(arguments.source))
        raise UserError(f"alarms: found the source {found}, expected one of {', '.join(names)}")
    if arguments.action == "list":
        return alarm_table.show(config, arguments)
    if arguments.source is None:
        raise UserError(f"alarms {arguments.action}: found no SOURCE, expected its name")
    keys = ACTIONS[arguments.action](arguments)
    try:
        "".join(str(value) for value in keys.values()).encode()
    except UnicodeEncodeError:
        raise UserError(f"alarms {arguments.action}: found bytes that are no UTF-8") from None
    return _hand_over(config, arguments.action, {"source": arguments.source} | keys)


def _acknowledge(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"by": _who(arguments)}


def _comment(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"text": _text(arguments, "a text in quotes"), "event_id": arguments.event}


def _label(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"label": _text(arguments, "what it was, e.g. false_alarm"), "event_id": arguments.event}


def _maintenance(arguments: argparse.Namespace) -> dict[str, Any]:
    text = _text(arguments, "on or off")
    if text not in ("on", "off"):
        raise UserError(f"alarms maintenance: found {escape(repr(text))}, expected on or off")
    until = None
    if arguments.hours is not None:
        end_s = time.time() + 3600 * arguments.hours
        until = datetime.datetime.fromtimestamp(end_s, datetime.UTC).isoformat()
    return {"on": text == "on", "until": until, "by": _who(arguments)}


def _text(arguments: argparse.Namespace, expected: str) -> str:
    if arguments.text is None:
        raise UserError(f"alarms {arguments.action}: found nothing, expected {expected}")
    text: str = arguments.text
    return text


def _who(arguments: argparse.Namespace) -> str | None:
    """The person: not root, where somebody became it with sudo."""
    if arguments.by is not None:
        name: str = arguments.by
        return name
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name
        return None


def _hand_over(config: Config, verb: str, keys: dict[str, Any]) -> int:
    """Has the agent of that configuration carry it out; `UserError` where it refuses."""
    folder = Path(config.agent.state_dir)
    if not folder.is_dir():
        raise UserError(f"agent.state_dir: found no folder {folder}: has an agent run here?")
    try:  # here, for an agent that does not run tells nobody what it refuses later
        commands.converted(keys, VERBS[verb].arguments)
    except Refused as refusal:
        raise UserError(f"alarms {verb}: {refusal}") from None
    runs = state_directory.in_use(folder)
    with state_directory.as_owner(folder):
        file = local_commands.put(folder, verb, keys)
        if not runs:
            print(f"{verb}: carried out when an agent starts: none runs ({folder})")
            return 0
        result = local_commands.fetch(file, ANSWER_S)
    if result is None:
        raise UserError(f"{verb}: the agent has not answered within {ANSWER_S:g} s")
    if result.why is not None:
        raise UserError(f"{verb}: {result.why}")
    until = "" if result.until is None else f" until {result.until}"
    event = "" if result.event_id is None else f", event {result.event_id}"
    print(f"{verb}: {keys['source']}{event}{until}")
    return 0


ACTIONS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "list": lambda _arguments: {},
    "acknowledge": _acknowledge,
    "comment": _comment,
    "label": _label,
    "maintenance": _maintenance,
}
