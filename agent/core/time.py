"""Time as text."""

import datetime

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
UTC_SUFFIX = "+00:00"


def iso(unix_s: float) -> str:
    """ISO 8601 in UTC, to the nearest millisecond."""
    moment = EPOCH + datetime.timedelta(milliseconds=round(unix_s * 1000))
    return moment.isoformat(timespec="milliseconds").removesuffix(UTC_SUFFIX) + "Z"


def unix_s(text: str) -> float:
    """Unix time of a time in ISO 8601 with its zone; `ValueError`."""
    return datetime.datetime.fromisoformat(text).timestamp()
