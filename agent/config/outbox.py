"""The section `outbox` of the configuration: what may wait on disk for the broker."""

import msgspec

from agent.core.annotated import Positive, PositiveInt


class Outbox(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    max_messages: PositiveInt = 100_000
    max_mib: Positive = 256.0  # of payload
    max_age_s: Positive = 7 * 86400.0  # of the agent's running time
    max_commits_per_s: Positive = 200.0  # for windows; events and states wait for nothing
