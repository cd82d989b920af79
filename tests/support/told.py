"""Where notifications arrive: a real mail server and a web hook, on loopback."""

import contextlib
import email
import email.policy
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.conftest import free_port


class Mailbox:
    """Mail as (subject, text); `refuses` answers with a failure that passes."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []
        self.refuses = False

    # aiosmtpd finds this method by its name.
    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return "451 later"
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        part = mail.get_body(("plain", "html"))
        assert part is not None
        self.mails.append((str(mail["subject"]), part.get_content().strip()))
        return "250 OK"

    def subjects(self) -> list[str]:
        return [subject for subject, _ in self.mails]


@contextlib.contextmanager
def mail_server(mailbox: Mailbox) -> Iterator[str]:
    """A mail server for `mailbox`; Apprise's URL for it."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        sender = "from=agent@box.example&to=anna@plant.example&mode=insecure&format=text"
        yield f"mailto://127.0.0.1:{controller.port}/?smtp=127.0.0.1&{sender}"
    finally:
        controller.stop()


@contextlib.contextmanager
def web_hook(received: list[dict[str, Any]]) -> Iterator[str]:
    """A server that puts the bodies of POSTs into `received`; Apprise's URL for it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            received.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        server.server_close()
