"""The section `metrics` of the configuration; its presence switches it on."""

from typing import Annotated

import msgspec


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 9464  # on loopback
