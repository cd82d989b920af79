"""Time as text."""

import datetime
import re


def iso(unix_s: float) -> str:
    """ISO 8601 in UTC, to the nearest millisecond."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moment = epoch + datetime.timedelta(milliseconds=round(unix_s * 1000))
    return re.sub(r"\+00:00$", "Z", moment.isoformat(timespec="milliseconds"))
