"""The section `page` of the configuration; its presence switches the page on."""

import ipaddress
from pathlib import Path

import msgspec

from agent.core.annotated import Port
from agent.core.errors import ConditionError, ConfigError, UserError

SHORTEST_TOKEN = 16  # characters


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the page is served; on another address than loopback only with a token."""

    port: Port = 8080
    address: str = "127.0.0.1"
    token_file: str | None = None  # its first line is the token; None: none is asked for


def check(page: Page) -> None:
    """`ConfigError` for an address that others can reach without a token; `UserError`."""
    if not is_loopback(page.address) and page.token_file is None:
        raise ConfigError(
            f"page.address: found {page.address} and no token_file beside it, expected a token "
            "where others can reach the page"
        )
    token(page)


def token(page: Page) -> str | None:
    """The token that a browser must send; None: no token is needed. `UserError`."""
    if page.token_file is None:
        return None
    try:
        first = Path(page.token_file).read_text().partition("\n")[0].strip()
    except OSError as error:
        reason = f"{page.token_file} cannot be read: {error.strerror}"
        raise ConditionError(f"page.token_file: {reason}") from None
    except UnicodeDecodeError:
        raise UserError(
            f"page.token_file: found no text in {page.token_file}, expected a token"
        ) from None
    return long_enough(first, "page.token_file")


def long_enough(token: str, where: str) -> str:
    """Returns the token; `UserError`, naming `where`, for one that is easy to guess."""
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise UserError(
            f"{where}: found {len(token)} characters, expected a token of at least "
            f"{SHORTEST_TOKEN} plain ones"
        )
    return token


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach that address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
