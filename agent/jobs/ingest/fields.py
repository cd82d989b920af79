"""Field types of received messages that rows are made from. msgspec checks them."""

import datetime
from typing import Annotated

import msgspec

Seq = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]
