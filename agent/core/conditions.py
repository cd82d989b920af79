"""What a machine has beside vibration."""

import msgspec


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """At one moment, as published or configured; None: not known."""

    load_percent: float | None = None  # or in whatever unit it is published
    temperature_c: float | None = None
    running: bool | None = None
