"""A speed or a condition that another device publishes, e.g. a drive: `speed` and `condition`."""

import itertools
from typing import Annotated

import msgspec

from agent.core.errors import ConfigError

Factor = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Topic = Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00]+$", max_length=1000)]  # no wildcards


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the value is, at the broker of the section `mqtt`."""

    topic: Topic
    field: str | None = None  # of a JSON object, `a.b` for one within it; None: the whole payload
    stale_s: Annotated[float, msgspec.Meta(gt=0, le=366 * 86400)] = 60.0  # older is not known
    factor: Factor = 1.0  # of a speed: rpm for one of what is published, e.g. 60 for Hz
    limits: tuple[float, ...] = ()  # of a condition that is a number: where one ends, rising


def check(speed: Published | None, condition: str | Published | None, path: str) -> None:
    """`ConfigError` for what belongs to the other of the two, and for limits that do not rise."""
    if speed is not None and speed.limits:
        raise ConfigError(f"{path}.speed.limits: found limits, expected them below condition")
    if not isinstance(condition, Published):
        return
    if condition.factor != 1.0:
        raise ConfigError(f"{path}.condition.factor: found a factor, expected it below speed")
    limits = condition.limits
    if any(high <= low for low, high in itertools.pairwise(limits)):
        found = ", ".join(f"{limit:g}" for limit in limits)
        raise ConfigError(f"{path}.condition.limits: found {found}, expected rising numbers")
