"""The page's server: one thread per connection, few connections, idle ones are dropped."""

import functools
import http.server
import socket

from agent.core.bounded_threads import BoundedThreads
from agent.core.connections import Connections
from agent.core.errors import ConditionError
from agent.web.http.handlers import Handler, ServerContext

CONNECTIONS = 64
REQUEST_S = 20.0  # for a request and its answer; a stream of events and a recording have more


class Server(BoundedThreads, http.server.HTTPServer):
    """Listens at once; answers when `serve_forever` runs in a thread."""

    request_queue_size = CONNECTIONS

    def __init__(self, address: tuple[str, int], context: ServerContext) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.connections = Connections(CONNECTIONS, REQUEST_S)
        super().__init__(address, functools.partial(Handler, context=context))

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
