"""Two sources that want one device: the second would be refused for as long as the agent runs."""

from collections.abc import Sequence

from agent import sources
from agent.config.source import SourceSettings
from agent.core.errors import ConfigError
from agent.sources import Claim


def check(settings: Sequence[SourceSettings]) -> None:
    """`ConfigError` for a device that two entries of `sources` claim; points share theirs."""
    claims: list[tuple[Claim, SourceSettings]] = []
    devices = {item.reads: item for item in reversed(settings)}
    for item in reversed(devices.values()):
        claim = sources.claim(item.common.kind, item.options)
        if claim is None:
            continue
        other = next((holder for earlier, holder in claims if claim.clashes(earlier)), None)
        if other is not None:
            path = item.path.partition(".")[0]
            raise ConfigError(
                f"{path}.{claim.key}: found {claim.text} of {other.reads} too, expected one source "
                f"a device: give its channels as points of {other.reads}"
            )
        claims.append((claim, item))
