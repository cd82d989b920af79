"""The section `outbox` of the configuration: what may wait on disk for the broker."""

from typing import Annotated

import msgspec

from agent.core.annotated import LongSeconds, Mib


class Outbox(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    max_messages: Annotated[int, msgspec.Meta(ge=1, le=10**8)] = 100_000
    max_mib: Mib = 256.0  # of payload
    max_age_s: LongSeconds = 7 * 86400.0  # of the agent's running time
    max_commits_per_s: Annotated[float, msgspec.Meta(ge=0.1, le=10_000)] = (
        200.0  # for windows; events and states wait for nothing
    )
