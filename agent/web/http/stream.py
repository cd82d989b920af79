"""The stream of server-sent events: frames and changes, for as long as a browser reads them."""

from collections.abc import Callable, Sequence
from typing import IO

import msgspec

from agent.web.http.broadcast import Broadcaster, Viewer
from agent.web.http.request import RefusedError

ALIVE_S = 2.0  # an idle stream repeats the state, to detect browsers that are gone


class EventStream(msgspec.Struct, frozen=True):
    """`state` is what a browser needs to begin, or to begin again."""

    broadcaster: Broadcaster
    names: Callable[[], Sequence[str]]  # of the sources; the first is the one without a wish
    state: Callable[[], msgspec.Struct]

    def join(self, source: str) -> Viewer:
        """A viewer of that source; `RefusedError` where there are too many."""
        names = self.names()
        viewer = self.broadcaster.join(source if source in names else names[0])
        if viewer is None:
            raise RefusedError(503, "too many browsers show this page already")
        return viewer

    def send(self, viewer: Viewer, out: IO[bytes]) -> None:
        """Sends until the browser is gone, which is an `OSError`."""
        while True:  # begins again after every pause, and where items were missed
            kind, data = "state", msgspec.json.encode(self.state())
            while True:
                out.write(b"event: %s\ndata: %s\n\n" % (kind.encode(), data))
                item = viewer.next(ALIVE_S)
                if item is None:
                    break
                kind, data = item
