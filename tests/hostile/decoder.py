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
    slow_s: float = 0.05  # of processor time, in one call
    share: float = 1.0  # of the number of cases: less where a call writes to a disk
