"""Validates a command (verb, retained flag, size, syntax, expiry, duplicates) before it runs.

A valid command runs once. Every other one is refused: the reason is published where the command
had an id, and noted in the log now and then.
"""

import collections
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from agent.config.commands import Commands
from agent.control.command_context import CommandContext
from agent.control.operations import VERBS
from agent.core.types import Message
from agent.messages import command as commands
from agent.messages.command import Command, Refused

MAX_AHEAD_S = 3600.0  # a command may not expire later than that
MAX_IDS = 1000  # each is remembered until its command has expired
REFUSALS_PER_S = 10  # that are answered
LOG_S = 60.0

log = logging.getLogger("drsn.commands")


class CommandHandler:
    """For the sender thread; a verb's answer may come from another thread."""

    def __init__(
        self, config: Commands, context: CommandContext, reply: Callable[..., None]
    ) -> None:
        """`reply(verb, id, why, **fields)` publishes a result; `why` None: it succeeded."""
        self._config = config
        self._context = context
        self._reply = reply
        self._expiry_s: dict[str, float] = {}  # Unix time, by the command's id
        self._refused_s: collections.deque[float] = collections.deque(maxlen=REFUSALS_PER_S)
        self._refused = 0  # since the last line in the log
        self._logged_s = -LOG_S

    def on_command(self, topic: str, payload: bytes, retained: bool) -> Sequence[Message]:
        """Runs the command or refuses it; the result is published by `reply`."""
        verb = topic.rpartition("/")[2]
        try:
            command = self._admit(verb, payload, retained)
            arguments = commands.arguments(command, VERBS[verb].arguments)
            log.info("%s %s", verb, command.id)
            self._run(verb, command.id, arguments)
        except Refused as refusal:
            self._refuse(verb, refusal)
        return ()

    def _run(self, verb: str, id: str, arguments: object) -> None:
        def answer(why: str | None = None, **fields: Any) -> None:
            self._reply(verb, id, why, **fields)

        try:
            VERBS[verb].run(self._context, arguments, answer)
        except Refused as refusal:
            raise Refused(str(refusal), id) from None

    def _admit(self, verb: str, payload: bytes, retained: bool) -> Command:
        if verb not in VERBS:
            raise Refused("there is no such verb")
        if retained:
            raise Refused("found a retained command, expected one that is not retained")
        command = commands.read(payload, self._config.max_bytes)
        if verb not in self._config.allow:
            raise Refused("not in commands.allow", command.id)
        self._check_expiry(command)
        return command

    def _check_expiry(self, command: Command) -> None:
        """Also that the id is new. Ids are forgotten when their commands have expired."""
        now_s, expires_s = time.time(), command.expires.timestamp()
        if expires_s < now_s:
            raise Refused("expired", command.id)
        if expires_s > now_s + MAX_AHEAD_S:
            raise Refused(f"expires: expected at most {MAX_AHEAD_S:g} s ahead", command.id)
        self._expiry_s = {id: until_s for id, until_s in self._expiry_s.items() if until_s >= now_s}
        if command.id in self._expiry_s:
            raise Refused("this id has been used before", command.id)
        if len(self._expiry_s) >= MAX_IDS:
            raise Refused("too many commands", command.id)
        self._expiry_s[command.id] = expires_s

    def _refuse(self, verb: str, refusal: Refused) -> None:
        now_s = time.monotonic()
        self._refused += 1
        if now_s - self._logged_s >= LOG_S:
            log.warning("%d refused, the last: %s: %s", self._refused, ascii(verb)[:80], refusal)
            self._refused, self._logged_s = 0, now_s
        too_often = len(self._refused_s) == REFUSALS_PER_S and now_s - self._refused_s[0] < 1.0
        if verb in VERBS and refusal.id is not None and not too_often:
            self._refused_s.append(now_s)
            self._reply(verb, refusal.id, str(refusal))
