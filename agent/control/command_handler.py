"""Who comes with a command is looked at closely: verb, retention, size, form, time, first time.

A command that may be carried out is, once; every other is refused for a reason, which is published
where the command had an id, and noted in the log now and then.
"""

import collections
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from agent.config.commands import Commands
from agent.control.operations import VERBS, CommandContext
from agent.core.types import Message
from agent.messages import command as request
from agent.messages.command import Command, Refused

MOST_AHEAD_S = 3600.0  # a command may not expire later than that
MOST_REMEMBERED = 1000  # ids, each until its command has expired
REFUSALS_PER_S = 10  # that are answered
LOG_S = 60.0

log = logging.getLogger("drsn.commands")


class CommandHandler:
    """Handled by the sender thread; answers may come from another."""

    def __init__(self, keys: Commands, context: CommandContext, reply: Callable[..., None]) -> None:
        """`reply(verb, id, why, **fields)` publishes a result."""
        self._keys = keys
        self._context = context
        self._reply = reply
        self._seen: dict[str, float] = {}  # id: Unix time at which it expires
        self._refused_s: collections.deque[float] = collections.deque(maxlen=REFUSALS_PER_S)
        self._refused = 0  # since the log last said so
        self._logged_s = -LOG_S

    def heard(self, topic: str, payload: bytes, retained: bool) -> Sequence[Message]:
        """Carries it out or refuses it; the result goes its own way."""
        verb = topic.rpartition("/")[2]
        try:
            command = self._admit(verb, payload, retained)
            asked = request.arguments(command, VERBS[verb].arguments)
            log.info("%s %s", verb, command.id)
            self._carry_out(verb, command.id, asked)
        except Refused as refusal:
            self._refuse(verb, refusal)
        return ()

    def _carry_out(self, verb: str, id: str, asked: object) -> None:
        def answer(why: str | None = None, **fields: Any) -> None:
            self._reply(verb, id, why, **fields)

        try:
            VERBS[verb].run(self._context, asked, answer)
        except Refused as refusal:
            raise Refused(str(refusal), id) from None

    def _admit(self, verb: str, payload: bytes, retained: bool) -> Command:
        if verb not in VERBS:
            raise Refused("there is no such verb")
        if retained:
            raise Refused("it was retained: a command is for now")
        command = request.read(payload, self._keys.max_bytes)
        if verb not in self._keys.allow:
            raise Refused("not in commands.allow", command.id)
        self._check_time(command)
        return command

    def _check_time(self, command: Command) -> None:
        now_s, expires_s = time.time(), command.expires.timestamp()
        if expires_s < now_s:
            raise Refused("expired", command.id)
        if expires_s > now_s + MOST_AHEAD_S:
            raise Refused(f"expires: expected at most {MOST_AHEAD_S:g} s ahead", command.id)
        self._seen = {id: until_s for id, until_s in self._seen.items() if until_s >= now_s}
        if command.id in self._seen:
            raise Refused("this id has been before", command.id)
        if len(self._seen) >= MOST_REMEMBERED:
            raise Refused("too many commands", command.id)
        self._seen[command.id] = expires_s

    def _refuse(self, verb: str, refusal: Refused) -> None:
        now_s = time.monotonic()
        self._refused += 1
        if now_s - self._logged_s >= LOG_S:
            log.warning("%d refused, the last: %s: %s", self._refused, ascii(verb)[:80], refusal)
            self._refused, self._logged_s = 0, now_s
        often = len(self._refused_s) == REFUSALS_PER_S and now_s - self._refused_s[0] < 1.0
        if verb in VERBS and refusal.id is not None and not often:
            self._refused_s.append(now_s)
            self._reply(verb, refusal.id, str(refusal))
