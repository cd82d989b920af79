"""What a person does on the page. It is carried out by the same code as a command's."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from agent.core.errors import UserError
from agent.web.http.request import RefusedError, Request

ANSWER_S = 5.0  # for the main thread, which turns ten times a second

Record = TypeVar("Record", bound=msgspec.Struct)
Answer = Callable[..., None]


def body(request: Request, kind: type[Record]) -> Record:
    """The record in a request's body; `RefusedError` with status 400."""
    try:
        return msgspec.convert(request.body.json(), kind, strict=True)
    except msgspec.ValidationError as error:
        raise RefusedError(400, ascii(str(error))[1:-1][:200]) from None


def ask(add: Callable[[Answer], None]) -> dict[str, Any]:
    """The fields of the answer to what `add` queues; `UserError` for a refusal."""
    ended = threading.Event()
    answers: list[tuple[str | None, dict[str, Any]]] = []

    def answer(why: str | None = None, **fields: Any) -> None:
        answers.append((why, fields))
        ended.set()

    add(answer)
    if not ended.wait(ANSWER_S):
        raise RefusedError(503, "the agent is busy, try again")
    why, fields = answers[0]
    if why is not None:
        raise UserError(why)
    return fields
