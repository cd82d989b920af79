"""One decoder under test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Decoder:
    """`functions`: `file:function` of what decodes, whose branches are to be covered."""

    name: str
    call: Callable[[bytes], object]
    valid: Sequence[bytes]
    functions: Sequence[str]
    expected: tuple[type[Exception], ...] = ()
    share: float = 1.0  # of the number of cases: less where a call writes to a disk
