"""Decides which requests the page answers. Pure: headers in, a decision out.

Every web site in the user's browser can reach a page on loopback, so loopback alone protects
nothing: a foreign site can post to it (CSRF), or let its own name point at it (DNS rebinding).
Therefore only this machine's names and plain addresses are accepted as the host.
"""

import hmac
import ipaddress
import socket
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

COOKIE = "drsn_token"


def refusal(method: str, headers: Message) -> str | None:
    """Why a request is refused; None where it is answered."""
    host = headers.get("Host", "")
    if not _is_local(host):
        return f"Host {host!r} is none of this machine's names"
    origin = headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != host:
        return f"Origin {origin!r} is another site"
    same_site = headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    linked = method == "GET" and headers.get("Sec-Fetch-Dest") == "document"
    if not same_site and not linked:
        return "the request comes from another site"
    return None


def knows(token: str | None, headers: Message, query: str | None = None) -> bool:
    """Whether the request has the token: in its cookie, a header or the query."""
    if token is None:
        return True
    bearer = headers.get("Authorization", "").removeprefix("Bearer ")
    candidates = (query or "", _cookie(headers.get("Cookie", "")), bearer)
    same = [hmac.compare_digest(text.encode(), token.encode()) for text in candidates]
    return any(same)


def cookie(token: str) -> str:
    """The cookie with the token; no script and no other site can read it."""
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict"


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _is_local(host: str) -> bool:
    """Whether it is an address, or a name that no foreign name server can assign."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    hostname = socket.gethostname().lower()
    return name in ("localhost", hostname, f"{hostname}.local") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
