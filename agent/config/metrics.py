"""The section `metrics` of the configuration; its presence switches the metrics on."""

import msgspec

from agent.config import access
from agent.core.annotated import Port


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the metrics are served; on another address than loopback only with a token."""

    port: Port = 9464
    address: str = "127.0.0.1"
    token_file: str | None = None  # its first line is the token; None: none is asked for


def check(metrics: Metrics) -> None:
    """`ConfigError` for an address that others can reach without a token; `UserError`."""
    access.check("metrics", metrics.address, metrics.token_file)
