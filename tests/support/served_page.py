"""The page's server alone, with the controls of a demonstration in which nothing happens."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from agent.core.errors import UserError
from agent.web.demo_controls import Controls
from agent.web.http import request as routing
from agent.web.http import server, static_files
from agent.web.http.broadcast import Broadcaster
from agent.web.http.handlers import ServerContext
from agent.web.http.stream import EventStream
from agent.web.records import About, PageState
from agent.web.resources import demonstration


@contextlib.contextmanager
def served(token: str | None = None) -> Iterator[tuple[int, Controls]]:
    """Its port, and what its controls are set to."""
    controls = Controls()
    about = About(
        name="a",
        kind="synth",
        summary="",
        trouble=None,
        labels=("normal", "loud"),
        normal=("normal",),
        rate_hz=1000.0,
        hop_s=0.1,
        window_s=0.2,
        column_s=0.02,
        model="tiny",
        layers=0,
        rival=None,
    )

    def stand() -> PageState:
        return PageState(
            agent="test",
            sources=[about],
            events=[],
            setting=controls.setting,
            noises=("gaussian",),
            simulated=False,
            states={},
        )

    def score(file: Path, name: str, source: str) -> PageState:
        raise UserError(f"{name}: {file.stat().st_size} bytes of {source}")

    routes = routing.table(demonstration.routes(controls.change, score))
    stream = EventStream(Broadcaster(), lambda: ["a"], stand)
    context = ServerContext(static_files.table(), routes, stream, token)
    running = server.bind("127.0.0.1", 0, context)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield int(running.server_port), controls
    running.shutdown()
    running.server_close()
