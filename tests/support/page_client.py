"""A browser's requests to the page, without a browser."""

import http.client
import json
import socket
from typing import Any


def request(
    port: int, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str
) -> http.client.HTTPResponse:
    """The page's answer; in the headers' names `_` stands for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    return connection.getresponse()


def stream(port: int, frames: int) -> dict[str, list[Any]]:
    """What the page's stream sends until so many frames have come, by the kind of event."""
    answer = request(port, "/api/stream")
    events: dict[str, list[Any]] = {"state": [], "frame": []}
    while len(events["frame"]) < frames:
        kind = answer.readline().decode().removeprefix("event: ").strip()
        events.setdefault(kind, []).append(json.loads(answer.readline().removeprefix(b"data: ")))
        answer.readline()
    answer.close()
    return events


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get(port: int, path: str) -> Any:
    """The decoded JSON of an answer that is a success."""
    answer = request(port, path)
    body = answer.read()
    assert answer.status == 200, body
    return json.loads(body)
