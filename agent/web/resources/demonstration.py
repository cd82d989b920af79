"""What only a demonstration answers: changes of its setting, and recordings to score."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.core.errors import UserError
from agent.sources.formats import table
from agent.web.http.request import RefusedError, Request, Route

MAX_BYTES = 50 * 2**20  # of a recording
RECORDING_S = 300.0  # for it to arrive and to be scored

Change = Callable[[object], msgspec.Struct]  # `UserError` for what is no setting
Score = Callable[[Path, str, str], msgspec.Struct]  # file, its name, source; `UserError`


def routes(change: Change, score: Score) -> list[Route]:
    """`change` makes a setting of decoded JSON, `score` a timeline of a recording."""
    return [
        Route("POST", "/api/setting", lambda request: _change(request, change)),
        Route("POST", "/api/recording", lambda request: _score(request, score)),
    ]


def _change(request: Request, change: Change) -> msgspec.Struct:
    try:
        return change(request.body.json())
    except UserError as error:
        raise RefusedError(400, str(error)) from None


def _suffix(name: str) -> str:
    """Of a sound file none that selects its format; the others are read in a process apart."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix in table.SUFFIXES else ".sound"


def _score(request: Request, score: Score) -> msgspec.Struct:
    """Scores the recording in a temporary file, which is not kept."""
    name = Path(request.query.get("name", "recording")).name[:200] or "recording"
    with tempfile.TemporaryDirectory(prefix="drsn-") as folder:
        file = Path(folder) / f"recording{_suffix(name)}"
        request.body.save(file, MAX_BYTES, RECORDING_S)
        return score(file, name, request.query.get("source", ""))
