"""The section `metrics` of the configuration; its presence switches the metrics on."""

import msgspec

from agent.core.annotated import Port


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    port: Port = 9464  # on loopback
