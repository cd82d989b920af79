"""The section `page` of the configuration; its presence switches the page on."""

import msgspec

from agent.config import access
from agent.core.annotated import Port


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the page is served; on another address than loopback only with a token."""

    port: Port = 8080
    address: str = "127.0.0.1"
    token_file: str | None = None  # its first line is the token; None: none is asked for


def check(page: Page) -> None:
    """`ConfigError` for an address that others can reach without a token; `UserError`."""
    access.check("page", page.address, page.token_file)
