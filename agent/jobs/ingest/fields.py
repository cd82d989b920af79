"""Field types of received messages that rows are made from. msgspec checks them."""

import datetime
from typing import Annotated

import msgspec

Seq = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class PlaceFields(msgspec.Struct):
    """The fields of `agent.core.place.Place`, each a column."""

    site: str | None = None
    area: str | None = None
    machine: str | None = None
    direction: str | None = None


NOWHERE = PlaceFields()
