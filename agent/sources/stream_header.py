"""What a stream begins with instead of raw samples: a WAV header, another file's, or text.

`arecord` without `-t raw` sends a WAV header.
"""

import re

from agent.sources import wav_header

LARGEST = 1 << 12  # bytes of a header
MAGIC = {  # the first four bytes of other files
    b"fLaC": "FLAC",
    b"FORM": "AIFF",
    b"OggS": "Ogg",
    b".snd": "AU",
    b"RF64": "RF64",
    b"riff": "Wave64",
}
LOOKED_AT = 128  # bytes: a quiet signal may look like text for a few
TEXT = re.compile(rb"[\t\r\n -~]*")


def length(data: bytes) -> int | None:
    """Bytes of the WAV header that `data` begins with, 0 without one; None: more have to come."""
    if not b"RIFF".startswith(data[:4]) or (len(data) >= 12 and data[8:12] != b"WAVE"):
        return 0
    at = data.find(b"data", 12)
    if 0 <= at <= len(data) - wav_header.CHUNK.size:
        return at + wav_header.CHUNK.size
    return None if len(data) < LARGEST else 0


def foreign(data: bytes) -> str | None:
    """What `data` begins with, in words; empty: samples; None: more has to come."""
    if kind := MAGIC.get(data[:4]):
        return f"a file of the format {kind}"
    start = data[:LOOKED_AT]
    if not TEXT.fullmatch(start):
        return ""
    if len(start) < LOOKED_AT:
        return None
    lines = start.decode("ascii").splitlines()
    return (
        f"the text {lines[0]!r}" if len(lines) > 1 and any(map(str.isdigit, start.decode())) else ""
    )


def differs(header: bytes, dtype: str, channels: int, rate_hz: float) -> str | None:
    """What the header says, where it is something else than the configuration."""
    at = header.find(b"fmt ")
    fmt = wav_header.format_chunk(header[at + 8 :]) if at > 0 else None
    if fmt is None:
        return "without a format"
    types = {"<i2": "int16", "<i4": "int32", "<f4": "float32", "24": "24 bits", "u1": "8 bits"}
    says = (types.get(fmt[0] or "", "other samples"), fmt[1], float(fmt[2]))
    return (
        None if says == (dtype, channels, rate_hz) else "of {}, {} channels, {:g} Hz".format(*says)
    )
