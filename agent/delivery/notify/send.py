"""The process that sends one message with Apprise: a line of JSON in, a line of JSON out."""

import re
import sys
from urllib.parse import unquote, unquote_plus

import apprise
import msgspec

from agent.core import child_process, json_input
from agent.delivery.notify.address import Order, Outcome

MAX_BYTES = 256 * 1024  # of the line
MAX_REASON = 200  # characters


def main() -> int:
    """Reads one order from stdin, which stays open for as long as the process is to live."""
    line = sys.stdin.buffer.readline(MAX_BYTES)
    child_process.follow_parent()
    outcome = Outcome(_send(json_input.decode(line, Order)))
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
    return 0


def _send(order: Order) -> str | None:
    target = apprise.Apprise()
    with apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        if not target.add(order.url):
            return "Apprise does not understand this URL"
        if target.notify(title=order.title, body=order.body, notify_type=order.kind):
            return None
        return _without_secrets(said.getvalue(), order.url)


def _without_secrets(text: str, url: str) -> str:
    """The first line of what Apprise logged; of the URL nothing but its first word."""
    first = text.strip().partition("\n")[0]
    parts = re.split(r"[/@:?&=,]", url.partition("://")[2])
    forms = {form for part in parts for form in (part, unquote(part), unquote_plus(part))}
    for part in sorted(forms, key=len, reverse=True):  # one may be a part of another
        if len(part) > 3:  # characters: a shorter one is no secret, and may be a part of a word
            first = first.replace(part, "...")
    return first[:MAX_REASON] or "not delivered"
