"""The result of one check of `doctor`."""

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One line. A `note` is worth knowing, and no fault."""

    what: str
    state: Literal["ok", "note", "wrong"]
    text: str

    def __str__(self) -> str:
        return f"{self.state:5}  {self.what}: {self.text}"
