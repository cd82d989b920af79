"""`/api/backup`: state and configuration as one archive, without secrets and clips."""

import tempfile
import threading
from pathlib import Path
from typing import BinaryIO, cast

from agent.core import state_directory
from agent.core.errors import ConditionError
from agent.jobs.backup import writing
from agent.web.http.request import Content, RefusedError, Request, Route

WITHIN_S = 300.0  # for the archive to be made and sent


class Backup:
    """Makes one archive at a time."""

    def __init__(self, agent: str, state_dir: Path, configuration: Path) -> None:
        """`agent` is the agent's id, `configuration` its file."""
        self._agent = agent
        self._state_dir = state_dir
        self._configuration = configuration
        self._making = threading.Lock()

    def route(self) -> Route:
        return Route("GET", "/api/backup", self._answer)

    def _answer(self, request: Request) -> Content:
        request.body.extend(WITHIN_S)
        if not self._making.acquire(blocking=False):
            raise RefusedError(503, "another backup is being made, try again")
        try:
            out = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - sent, then closed
            self._write(out)
        except OSError as error:
            raise ConditionError(f"backup: {error.strerror or error}") from None
        finally:
            self._making.release()
        length = out.tell()
        out.seek(0)
        name = f'attachment; filename="{_plain(self._agent)}.zip"'
        headers = {"Content-Disposition": name}
        return Content("application/zip", b"", headers, stream=out, length=length)

    def _write(self, out: BinaryIO) -> None:
        contents = writing.Contents(
            agent=self._agent,
            state_dir=self._state_dir,
            running=state_directory.in_use(self._state_dir),
            configuration=self._configuration.read_bytes(),
        )
        writing.write(out, contents)
        out.seek(0, 2)


def _plain(name: str) -> str:
    """The name with nothing that a header or a file system has its own use for."""
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in name)
