"""The page's server: one thread per connection, few connections, idle ones are dropped."""

import functools
import http.server
import logging
import socket
from typing import Any

from agent.core.connections import Connections
from agent.core.errors import ConditionError
from agent.web.handlers import Handler
from agent.web.server_context import ServerContext

CONNECTIONS = 32
REQUEST_S = 20.0  # for a request and its answer; a stream of events and a recording have more

log = logging.getLogger("drsn.page")


class Server(http.server.ThreadingHTTPServer):
    """Listens at once; answers when `serve_forever` runs in a thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS

    def __init__(self, address: tuple[str, int], context: ServerContext) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.connections = Connections(CONNECTIONS, REQUEST_S)
        super().__init__(address, functools.partial(Handler, context=context))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts a thread for the request, or closes it where there are too many."""
        if not self.connections.admit(request):
            self.shutdown_request(request)
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
        """A browser that leaves in the middle of an answer is normal."""
        log.debug("a connection ended", exc_info=True)

    def server_bind(self) -> None:
        """Binds without asking a name server for this machine's name, as the base class does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.socket.getsockname()[:2]


def bind(address: str, port: int, context: ServerContext) -> Server:
    """The server on that address; `ConditionError` where it is not available."""
    try:
        return Server((address, port), context)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConditionError(f"page: {address} port {port} is not available: {reason}") from None
