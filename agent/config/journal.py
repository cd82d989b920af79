"""The section `journal` of the configuration: the events of the sources, on the box."""

from typing import Annotated

import msgspec


class Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Kept with the sinks `mqtt` and `sparkplug`; a run with `stdout` keeps nothing."""

    max_mib: Annotated[float, msgspec.Meta(ge=8, le=1e6)] = 32.0  # the file and its log
