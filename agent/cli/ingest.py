"""`ingest`: stores what a fleet publishes in PostgreSQL."""

import argparse
import re
import signal
import socket
from typing import TYPE_CHECKING

from agent.config.validation import convert
from agent.core import extras, logs
from agent.core.annotated import LEVEL
from agent.core.errors import UserError
from agent.messages.topics import OF_SOURCES
from agent.mqtt import settings as broker

if TYPE_CHECKING:
    from agent.jobs.ingest.subscriber import Session

DAY_S = 86400
PACKAGE = f"found no psycopg, expected the extra: {extras.install('ingest')}"


def define(parser: argparse.ArgumentParser) -> None:
    def ingest(arguments: argparse.Namespace) -> int:
        try:
            from agent.jobs.ingest.consumer import Consumer
            from agent.jobs.ingest.tables import Tables, schema
        except ModuleNotFoundError as error:
            raise UserError(f"ingest: {PACKAGE}") from error
        if arguments.print_schema:
            print(schema(), end="")
            return 0
        if arguments.to is None:
            raise UserError("--to: found none, expected postgresql://[USER@]HOST/DATABASE")
        logs.start(arguments.log_level)
        consumer = Consumer(_settings(arguments), _session(arguments), Tables(arguments.to))
        signals: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: signals.append(number))
        consumer.run(lambda: bool(signals))
        return 0

    _add_database(parser)
    _add_broker(parser)
    _add_session(parser)
    logs.add_level(parser, "INFO")
    parser.set_defaults(run=ingest)


def _add_database(parser: argparse.ArgumentParser) -> None:
    to = "the database; a password belongs into ~/.pgpass or PGPASSWORD"
    parser.add_argument("--to", metavar="URL", help=to)
    parser.add_argument(
        "--print-schema", action="store_true", help="print the SQL of the tables, and do no more"
    )


def _add_broker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="of the broker (%(default)s)")
    parser.add_argument("--port", type=int, default=1883, help="%(default)s")
    parser.add_argument("--base", default="drsn", help="of all topics (%(default)s)")
    parser.add_argument("--username")
    for what in ("password", "ca", "cert", "key"):
        parser.add_argument(f"--{what}-file", metavar="FILE")


def _add_session(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--topics",
        nargs="+",
        choices=sorted(OF_SOURCES),
        default=["event", "state"],
        help="event and state; measurement is for trends (8,640 a day and source)",
    )
    parser.add_argument("--group", help="share the messages with the others of that group")
    parser.add_argument(
        "--name", default=socket.gethostname(), help="of this consumer: the host's (%(default)s)"
    )
    parser.add_argument(
        "--keep-days", type=float, default=7.0, help="how long the broker keeps our session (7)"
    )
    parser.add_argument(
        "--leave", action="store_true", help="take what the broker still keeps, end the session"
    )


def _settings(arguments: argparse.Namespace) -> broker.Mqtt:
    tls = {f"{what}_file": getattr(arguments, f"{what}_file") for what in ("ca", "cert", "key")}
    keys = {key: getattr(arguments, key) for key in ("host", "port", "base", "username")}
    keys |= {"password_file": arguments.password_file, "tls": tls if any(tls.values()) else None}
    settings = convert(keys, broker.Mqtt, "")
    broker.check(settings)
    return settings


def _session(arguments: argparse.Namespace) -> "Session":
    from agent.jobs.ingest.subscriber import Session

    for key in ("name", "group"):
        value = getattr(arguments, key)
        if value is not None and not re.fullmatch(LEVEL, value):
            raise UserError(f"--{key}: found {value!r}, expected a name without space, +, # and /")
    if not 0 < arguments.keep_days * DAY_S < 2**32 - 1:
        raise UserError(f"--keep-days: found {arguments.keep_days:g}, expected 0 to 49710")
    share = "" if arguments.group is None else f"$share/{arguments.group}/"
    gaps = f"{share}{arguments.base}/+/gap"
    topics = [f"{share}{arguments.base}/+/+/{kind}" for kind in arguments.topics]
    keep_s = round(arguments.keep_days * DAY_S)
    return Session(f"drsn-ingest-{arguments.name}", (gaps, *topics), keep_s, arguments.leave)
