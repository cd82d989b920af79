"""The key `page` of the configuration."""

import ipaddress
from pathlib import Path

import msgspec

from agent.core.annotated import Port
from agent.core.errors import ConfigError

SHORTEST_TOKEN = 16  # characters


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the page is served; on another address than loopback only with a token."""

    port: Port = 8080
    address: str = "127.0.0.1"
    token_file: str | None = None  # its first line is the token; None: none is asked for


def check_page(page: Page) -> None:
    """`ConfigError` where it must not be served so."""
    if not is_loopback(page.address) and page.token_file is None:
        raise ConfigError(
            f"page.address: found {page.address} and no token_file beside it, expected a token "
            "where others can reach the page"
        )
    token(page)


def token(page: Page) -> str | None:
    """What a browser must know, if anything."""
    if page.token_file is None:
        return None
    try:
        first = Path(page.token_file).read_text().partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"page.token_file: found no text in {page.token_file}, expected a token"
        ) from None
    return long_enough(first, "page.token_file")


def long_enough(given: str, where: str) -> str:
    """The token, if it is one that nobody guesses."""
    if len(given) < SHORTEST_TOKEN or not given.isascii() or not given.isprintable():
        raise ConfigError(
            f"{where}: found {len(given)} characters, expected a token of at least "
            f"{SHORTEST_TOKEN} plain ones"
        )
    return given


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach that address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
