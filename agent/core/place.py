"""Where a source measures: site, area, machine and direction."""

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Of one source or point, as configured; None where the configuration does not say."""

    site: str | None = None
    area: str | None = None
    machine: str | None = None  # that it belongs to
    direction: str | None = None  # that it measures in, e.g. horizontal, vertical, axial
