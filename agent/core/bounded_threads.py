"""A server's threads: few connections, each for some time."""

import logging
from socketserver import ThreadingMixIn
from typing import Any

from agent.core.connections import Connections

log = logging.getLogger("drsn.server")


class BoundedThreads(ThreadingMixIn):
    """Mixed into a server of `socketserver`, as that library wants it; set `connections` first.

    Each connection has a thread. What is open elsewhere must not end the agent.
    """

    daemon_threads = True
    block_on_close = False
    connections: Connections

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts a thread for the request, or closes it where there are too many."""
        if not self.connections.admit(request):
            self.shutdown_request(request)  # type: ignore[attr-defined]
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.leave(request)

    def service_actions(self) -> None:
        """Called by `serve_forever` twice a second."""
        self.connections.shut_late()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle of an answer is normal."""
        log.debug("a connection ended", exc_info=True)
