"""The comments beside a record's fields, from its source: they are the descriptions in schemas."""

import inspect
import re


def of(record: type) -> dict[str, str]:
    """The comment beside each field of a record that has one, by the field's name."""
    source = inspect.getsource(record)
    comments = re.findall(r"^    (\w+): [^#\n]*?  # (.+)$", source, re.MULTILINE)
    return {field: comment.replace("None", "null") for field, comment in comments}
