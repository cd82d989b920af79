"""Annotated field types that several records share. msgspec checks them when it decodes."""

from typing import Annotated

from msgspec import Meta

LEVEL = r"[^+#/\x00-\x20\x7f]+"  # of an MQTT topic: no wildcard, slash, blank or control character

Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
PositiveInt = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]  # how many, or an index
Port = Annotated[int, Meta(ge=1, le=65535)]
Name = Annotated[str, Meta(pattern=f"^{LEVEL}$", max_length=64)]  # one topic level
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
