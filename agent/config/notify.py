"""The section `notify` of the configuration: who is told of alarms, and when.

Its presence switches notifications on. Addresses are Apprise's URLs, which hold passwords and
tokens, so they stand in a file of their own.
"""

import datetime
import importlib.util
import os
import re
import stat
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from agent.core import extras
from agent.core.errors import ConditionError, ConfigError, UserError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_BYTES = 64 * 1024  # of the file with addresses
MAX_URLS = 50  # one after the other is told, and one that hangs takes a minute
HOURS = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d\Z"
WEEKLY = r"^(mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):[0-5]\d\Z"


class Notify(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Times are local ones."""

    urls_file: str  # one of Apprise's URLs a line; empty lines and those from # on are left out
    least: Literal["warning", "alarm"] = "warning"  # what is told
    ended: bool = False  # tell that it is over, too
    per_hour: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10  # messages to one address, at most
    quiet: Annotated[str, msgspec.Meta(pattern=HOURS)] | None = None  # warnings wait; None: never
    weekly: Annotated[str, msgspec.Meta(pattern=WEEKLY)] | None = None  # a summary; None: none


def check(notify: Notify, sink: str) -> None:
    """`UserError` where nobody could be told."""
    if sink == "stdout":
        raise ConfigError("notify: found agent.sink stdout, expected mqtt or sparkplug")
    if importlib.util.find_spec("apprise") is None:
        raise UserError(f"notify: found no apprise, expected {extras.install('notify')}")
    urls(notify)


def urls(notify: Notify) -> list[str]:
    """The addresses in the file; `ConditionError` where it cannot be read, `UserError`."""
    file, key = Path(notify.urls_file), "notify.urls_file"
    lines = {at: line.strip() for at, line in enumerate(_text(file, key).splitlines(), 1)}
    lines = {at: line for at, line in lines.items() if line and not line.startswith("#")}
    for at, line in lines.items():
        if not re.match(r"[a-z][a-z0-9+]*://\S+\Z", line, re.IGNORECASE):
            raise UserError(
                f"{key}: {file}, line {at}: found no URL, expected one as mailtos://..."
            )
    if not lines:
        raise UserError(f"{key}: found no URL in {file}, expected one a line")
    if len(lines) > MAX_URLS:
        found = f"found {len(lines)} URLs in {file}"
        raise UserError(f"{key}: {found}, expected at most {MAX_URLS}: write to a list or a room")
    return list(lines.values())


def _text(file: Path, key: str) -> str:
    """The file's text, without the mark of its byte order that some editors write."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise UserError(f"{key}: {file} is no regular file, expected one with a URL a line")
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UserError(f"{key}: found more than {MAX_BYTES} bytes in {file}")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConditionError(f"{key}: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{key}: found no text in {file}, expected a URL a line") from None


def is_quiet(quiet: str | None, now: datetime.datetime) -> bool:
    """Whether the local time `now` is within the hours, which may go over midnight."""
    if quiet is None:
        return False
    begin, end = quiet.split("-")
    clock = now.strftime("%H:%M")
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def last_weekly(weekly: str, now: datetime.datetime) -> datetime.datetime:
    """The last time at or before `now` that `weekly` names; both local, without a zone.

    Without one, a change to summer time within the week does not make it another time.
    """
    day, clock = weekly.split()
    hour, minute = map(int, clock.split(":"))
    at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    at -= datetime.timedelta(days=(now.weekday() - DAYS.index(day)) % 7)
    return at if at <= now else at - datetime.timedelta(days=7)
