"""Annotated field types that several records share. msgspec checks them when it decodes."""

from typing import Annotated

from msgspec import Meta

LEVEL = r"[^+#/\x00-\x20\x7f]+"  # of an MQTT topic: no wildcard, slash, blank or control character

Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
# Of the configuration; all finite. Bounds beyond which no machine, sensor or disk is.
Seconds = Annotated[float, Meta(gt=0, le=3600)]
LongSeconds = Annotated[float, Meta(gt=0, le=366 * 86400)]
Mib = Annotated[float, Meta(gt=0, le=1e9)]
RateHz = Annotated[float, Meta(ge=0.01, le=1e8)]
Rpm = Annotated[float, Meta(ge=0.01, le=1e6)]
Interleaved = Annotated[int, Meta(ge=1, le=255)]  # channels in each frame
Share = Annotated[float, Meta(ge=0, le=1)]
PositiveInt = Annotated[int, Meta(ge=1)]
MAX_ROW_ID = 1 << 62  # SQLite has 2 ** 63 - 1, and a row needs a number after it
RowId = Annotated[int, Meta(ge=1, le=MAX_ROW_ID)]  # of a row in a file of SQLite
Count = Annotated[int, Meta(ge=0)]  # how many, or an index
Port = Annotated[int, Meta(ge=1, le=65535)]
Name = Annotated[str, Meta(pattern=f"^{LEVEL}$", max_length=64)]  # one topic level
PlainText = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
