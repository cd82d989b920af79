"""`notify`: sends a test message to everybody whom alarms are told."""

import argparse

from agent.cli import config_option
from agent.config import load, notify
from agent.core.errors import ConditionError, UserError
from agent.core.logs import escape
from agent.delivery.notify.address import Address
from agent.delivery.notify.texts import Message


def define(parser: argparse.ArgumentParser) -> None:
    config_option.define(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load.load(arguments.config)
    if config.notify is None:
        raise UserError("notify: found no such section, expected one (docs/ALARMS.md)")
    agent = config.agent.id
    message = Message(f"{agent}: a test", f"{agent} tells you here of its alarms.", "info")
    addresses = [Address(url) for url in notify.urls(config.notify)]
    failures = [why for address in addresses if (why := _send(address, message)) is not None]
    if failures:
        raise ConditionError(f"notify: {len(failures)} of {len(addresses)} not delivered")
    return 0


def _send(address: Address, message: Message) -> str | None:
    why = address.send(message)
    print(f"{address.name}: {'delivered' if why is None else escape(f'not delivered: {why}')}")
    return why
