"""Commands of people on the box itself, as files in the state directory.

Only the directory's owner and root may write there, so these verbs need no broker and no key. The
verb puts `<id>.json` there; the agent removes it, carries it out and leaves `<id>.result`, for a
minute. What is put there while no agent runs is carried out at the next start.
"""

import collections
import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from agent.control.command_context import CommandContext
from agent.control.operations import VERBS
from agent.core import files, json_input
from agent.messages import command as commands
from agent.messages.command import Refused

FOLDER = "commands"  # in the state directory
LOCAL = ("acknowledge", "comment", "label", "maintenance")
MAX_BYTES = 8192
MOST = 20  # in one turn
EVERY_S = 0.25
KEPT_S = 60.0  # results that nobody fetched
ORDER, RESULT = ".json", ".result"

log = logging.getLogger("drsn.commands")


class LocalCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of a command's file."""

    verb: Literal["acknowledge", "comment", "label", "maintenance"]
    arguments: dict[str, Any]


class LocalResult(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a result's file."""

    why: str | None  # why it was not carried out; None: it was
    event_id: int | None = None
    until: str | None = None


class LocalCommands:
    """For the sender thread; a verb's answer may come from another thread."""

    def __init__(
        self,
        state_dir: Path,
        context: CommandContext,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = state_dir / FOLDER
        self._context = context
        self._clock_s = clock_s
        self._due_s = clock_s()
        self._results: collections.deque[tuple[str, LocalResult]] = collections.deque()

    def turn(self) -> None:
        """Carries out what has come, and writes the results that there are."""
        if self._clock_s() < self._due_s:
            return
        self._due_s = self._clock_s() + EVERY_S
        with contextlib.suppress(OSError):  # no folder: nobody has asked for anything yet
            present = sorted(self._folder.iterdir())
            for file in [file for file in present if _is_order(file)][:MOST]:
                self._take(file)
            self._write_results()
            self._sweep([file for file in present if file.suffix == RESULT])

    def _take(self, file: Path) -> None:
        """Carries out a command once: its file is gone before it begins."""
        data = b""
        with contextlib.suppress(OSError):
            data = files.read(file, MAX_BYTES)
        try:
            file.unlink()
        except OSError:  # it would be carried out again and again
            return

        def answer(why: str | None = None, **fields: Any) -> None:
            self._results.append((file.stem, LocalResult(why=why, **fields)))

        try:
            command = json_input.decode(data, LocalCommand, max_bytes=MAX_BYTES)
            verb = VERBS[command.verb]
            log.info("%s on the box", command.verb)
            arguments = commands.converted(command.arguments, verb.arguments)
            verb.run(self._context, arguments, answer)
        except (Refused, json_input.JsonError) as refusal:
            answer(str(refusal))

    def _write_results(self) -> None:
        while self._results:
            id, result = self._results.popleft()
            files.write(self._folder / f"{id}{RESULT}", msgspec.json.encode(result))

    def _sweep(self, results: list[Path]) -> None:
        for file in results:
            with contextlib.suppress(OSError):
                if time.time() - file.lstat().st_mtime > KEPT_S:
                    file.unlink()


def _is_order(file: Path) -> bool:
    """A folder is none, and would stay in the way of others."""
    return file.suffix == ORDER and not (file.is_dir() and not file.is_symlink())


def put(state_dir: Path, verb: str, arguments: dict[str, Any]) -> Path:
    """Asks for a command; the file of its result, which comes later. `OSError`."""
    folder = state_dir / FOLDER
    files.make_folder(folder)
    id = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"  # in the order in which they were put
    content = {"verb": verb, "arguments": arguments}
    files.write(folder / f"{id}{ORDER}", msgspec.json.encode(content))
    return folder / f"{id}{RESULT}"


def fetch(file: Path, within_s: float) -> LocalResult | None:
    """The result in that file; None where it does not come."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError, json_input.JsonError):
            result = json_input.decode(files.read(file, MAX_BYTES), LocalResult)
            file.unlink()
            return result
        time.sleep(0.05)
    return None
