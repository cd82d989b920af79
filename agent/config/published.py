"""What another device publishes of a machine, e.g. a drive its speed, and a PLC the load."""

import itertools
from typing import Annotated, Protocol

import msgspec

from agent.core.errors import ConfigError

Factor = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Topic = Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00]+$", max_length=1000)]  # no wildcards


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the value is, at the broker of the section `mqtt`."""

    topic: Topic
    field: str | None = None  # of a JSON object, `a.b` for one within it; None: the whole payload
    stale_s: Annotated[float, msgspec.Meta(gt=0, le=366 * 86400)] = 60.0  # older is not known
    factor: Factor = 1.0  # of a number: e.g. 60 where a speed is in Hz
    limits: tuple[float, ...] = ()  # of a number that is a condition: where one ends, rising


class Keys(Protocol):
    """The keys of a source that others may publish."""

    @property
    def speed(self) -> Published | None: ...
    @property
    def condition(self) -> str | Published | None: ...
    @property
    def load(self) -> float | Published | None: ...
    @property
    def temperature(self) -> float | Published | None: ...
    @property
    def running(self) -> bool | Published | None: ...


FACTORS = ("speed", "load", "temperature")
LIMITS = ("condition", "load", "temperature")


def check(keys: Keys, path: str) -> None:
    """`ConfigError` for what belongs to another key, and for limits that do not rise."""
    for key in ("speed", "condition", "load", "temperature", "running"):
        value = getattr(keys, key)
        if not isinstance(value, Published):
            continue
        if value.limits and key not in LIMITS:
            raise ConfigError(f"{path}.{key}.limits: found limits, expected them below condition")
        if value.factor != 1.0 and key not in FACTORS:
            raise ConfigError(f"{path}.{key}.factor: found a factor, expected it below speed")
        if any(high <= low for low, high in itertools.pairwise(value.limits)):
            found = ", ".join(f"{limit:g}" for limit in value.limits)
            raise ConfigError(f"{path}.{key}.limits: found {found}, expected rising numbers")
