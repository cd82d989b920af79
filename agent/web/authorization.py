"""Who may ask the page for what. Pure: headers in, an answer out.

A page on loopback is reached by every web site that its user's browser shows, so loopback alone
protects nothing: a foreign page can post to it (CSRF), or be given a name that points at it (DNS
rebinding). Names are therefore held to the few that this machine has; addresses cannot be bound
to another name.
"""

import hmac
import ipaddress
import socket
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

COOKIE = "drsn_token"


def refusal(method: str, headers: Message) -> str | None:
    """Why a request is not answered; None where it is."""
    host = headers.get("Host", "")
    if not _is_ours(host):
        return f"Host {host!r} is none of this machine's names"
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return f"Origin {origin!r} is another site"
    own = headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    linked = method == "GET" and headers.get("Sec-Fetch-Dest") == "document"
    if not own and not linked:
        return "the request comes from another site"
    return None


def knows(token: str | None, headers: Message, query: str | None = None) -> bool:
    """Whether the browser knows the token, by its cookie, a header or the first address."""
    if token is None:
        return True
    bearer = headers.get("Authorization", "").removeprefix("Bearer ")
    given = (query or "", _cookie(headers.get("Cookie", "")), bearer)
    same = [hmac.compare_digest(each.encode(), token.encode()) for each in given]
    return any(same)


def cookie(token: str) -> str:
    """The header that lets a browser in again; no script and no other site can use it."""
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict"


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _is_ours(host: str) -> bool:
    """An address, or a name that no foreign name server can hand out."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    own = socket.gethostname().lower()
    return name in ("localhost", own, f"{own}.local") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
