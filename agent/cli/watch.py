"""`watch`: a live table of all sources at the broker, in the terminal."""

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from agent.cli import config_option, units_option
from agent.config import load
from agent.core.errors import ConditionError, UserError
from agent.jobs.broker_probe import explain
from agent.jobs.source_table import SourceTable
from agent.mqtt import client as mqtt_client
from agent.mqtt import errors
from agent.mqtt.negotiation import Negotiation
from agent.mqtt.settings import Mqtt

TRY_S, RETRY_S, RETAINED_S, REDRAW_S = 5.0, 1.0, 1.0, 1.0
TOPICS = ("+/status", "+/+/state", "+/+/measurement")
CLEAR = "\x1b[H\x1b[2J"


def define(parser: argparse.ArgumentParser) -> None:
    config_option.define(parser)
    parser.add_argument(
        "--once", action="store_true", help="print what the broker has retained, and end"
    )
    units_option.define(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load.load(arguments.config)
    if config.agent.sink != "mqtt":
        found = config.agent.sink
        raise UserError(f"agent.sink: found {found}, expected mqtt: the table is read from topics")
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: signals.append(number))
    table = SourceTable(config.mqtt.base, arguments.units)
    connection = Connection(config.mqtt, table)
    connection.open()
    if arguments.once:
        connection.read(RETAINED_S, lambda: bool(signals))
        print(*table.lines(), sep="\n")
        return 0
    while not signals:
        connection.read(REDRAW_S, lambda: bool(signals))
        clear = CLEAR if sys.stdout.isatty() else ""
        print(clear + "\n".join(table.lines()), flush=True)
    return 0


class Connection:
    """Subscribes for the table, and again after every interruption; in the caller's thread."""

    def __init__(self, settings: Mqtt, table: SourceTable) -> None:
        self._negotiation = Negotiation(settings)
        self._table = table
        self._client: paho.Client | None = None
        self._answer: tuple[ReasonCode, Any] | None = None

    def open(self) -> None:
        """Connects and subscribes; `ConditionError`, which says why not, after all ways failed."""
        settings = self._negotiation.terms.settings
        self._answer, identity = None, f"drsn-watch-{secrets.token_hex(4)}"
        try:
            client = self._client = mqtt_client.make(settings, identity)
            client.on_connect = self._on_connect
            client.on_message = self._on_message
            client.connect(settings.host, settings.port, settings.keepalive_s)
            self._take(TRY_S, lambda: self._answer is not None)
        except (OSError, ValueError) as error:
            raise ConditionError(f"{_where(settings)}: {explain(error, settings)}") from None
        if not self._accepted(settings):
            self.open()

    def _accepted(self, settings: Mqtt) -> bool:
        """Whether the broker takes us; False: it may on other terms."""
        if self._answer is None:
            if self._negotiation.unanswered():
                return False
            why = f"no answer within {TRY_S:g} s: is that an MQTT broker?"
            raise ConditionError(f"{_where(settings)}: {why} {errors.questions(settings)}")
        code, properties = self._answer
        if code.is_failure and not self._negotiation.refused(code):
            why = errors.refused(code, properties)
            raise ConditionError(f"{_where(settings)}: refuses us: {why}")
        return not code.is_failure

    def read(self, seconds: float, done: Callable[[], bool]) -> None:
        """Takes what comes within that time; connects again where the connection has ended."""
        until_s = time.monotonic() + seconds
        while not done() and (left_s := until_s - time.monotonic()) > 0:
            if not self._take(left_s, done):
                time.sleep(min(left_s, RETRY_S))
                self._reopen()

    def _take(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Takes what comes within that time; False as soon as the connection has ended."""
        assert self._client is not None
        until_s = time.monotonic() + seconds
        while not done() and (left_s := until_s - time.monotonic()) > 0:
            if self._client.loop(min(left_s, 0.2)) != paho.MQTT_ERR_SUCCESS:
                return False
        return True

    def _reopen(self) -> None:
        try:
            self.open()
        except ConditionError as error:
            print(f"drsn-agent: {error}", file=sys.stderr)

    def _on_connect(
        self, client: paho.Client, _d: object, _f: object, code: ReasonCode, properties: Any
    ) -> None:
        self._answer = (code, properties)
        if not code.is_failure:
            base = self._negotiation.terms.settings.base
            client.subscribe([(f"{base}/{topic}", 0) for topic in TOPICS])

    def _on_message(self, _c: object, _d: object, message: paho.MQTTMessage) -> None:
        self._table.take(message.topic, bytes(message.payload))


def _where(settings: Mqtt) -> str:
    return f"mqtt: {settings.host}:{settings.port}"
