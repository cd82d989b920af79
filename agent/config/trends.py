"""The section `trends` of the configuration: the history of measurements on the box."""

from typing import Annotated

import msgspec


class Trends(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Kept with the sinks `mqtt` and `sparkplug`; a run with `stdout` keeps nothing."""

    enabled: bool = True
    max_mib: Annotated[float, msgspec.Meta(ge=8, le=1e6)] = 128.0  # the file and its log
