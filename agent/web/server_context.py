"""The context of the page's server: files, headers, and the functions behind its requests."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.web.broadcast import Broadcaster
from agent.web.records import PageState

FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/charts.js": ("charts.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class ServerContext(msgspec.Struct, frozen=True):
    """The functions behind the requests; None in a page without controls."""

    broadcaster: Broadcaster
    state: Callable[[], PageState]
    token: str | None
    change: Callable[[object], msgspec.Struct] | None = None  # the setting
    score: Callable[[Path, str, str], msgspec.Struct] | None = None  # file, its name, source


class RefusedError(Exception):
    """A request that is refused, with the status and the reason in one line."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(" ".join(why.split()))
        self.status = status
