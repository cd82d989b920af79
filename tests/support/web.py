"""A web server on loopback, for tests that fetch."""

import functools
import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


@contextmanager
def serving(
    folder: Path, handler: type[Quiet] = Quiet, certificate: Path | None = None
) -> Iterator[str]:
    """Where the files of `folder` are; with a certificate, its .key beside it, over HTTPS."""
    made = functools.partial(handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), made) as served:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            served.socket = context.wrap_socket(served.socket, server_side=True)
        threading.Thread(target=served.serve_forever, daemon=True).start()
        scheme = "http" if certificate is None else "https"
        try:
            yield f"{scheme}://localhost:{served.server_port}/"
        finally:
            served.shutdown()
