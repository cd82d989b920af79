"""Runs the cases of one decoder and measures: what escaped, the slowest call, the memory."""

import contextlib
import gc
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile import mutants
from tests.hostile.decoder import Decoder

WARM = 200  # cases, before memory is measured: what is imported and cached then stays
GROWTH_MIB = 20.0


@dataclass
class Result:
    """`escaped`: errors that were not expected, by type and text."""

    cases: int = 0
    refused: int = 0
    escaped: dict[str, bytes] = field(default_factory=dict)
    slowest_s: float = 0.0
    slowest: bytes = b""
    growth_mib: float = 0.0
    slow_s: float = 0.05

    @property
    def passed(self) -> bool:
        return not self.escaped and self.slowest_s < self.slow_s and self.growth_mib < GROWTH_MIB


def run(decoder: Decoder, count: int, seed: int = 1) -> Result:
    """`count` cases, half of them mutants of valid messages, and the valid ones themselves."""
    result = Result(slow_s=decoder.slow_s)
    for data in decoder.valid:
        with contextlib.suppress(*decoder.expected):
            decoder.call(data)
    before_mib = 0.0
    for at, data in enumerate(mutants.cases(decoder.valid, count, seed)):
        if at == min(WARM, count // 2):
            gc.collect()
            before_mib = rss_mib()
        _case(decoder, data, result)
    gc.collect()
    result.growth_mib = rss_mib() - before_mib
    return result


def _case(decoder: Decoder, data: bytes, result: Result) -> None:
    result.cases += 1
    spent_s = _spent_s(decoder, data, result)
    if spent_s > decoder.slow_s:  # by the collector of garbage or a page fault? then not again
        spent_s = min(spent_s, _spent_s(decoder, data, Result()), _spent_s(decoder, data, Result()))
    if spent_s > result.slowest_s:
        result.slowest_s, result.slowest = spent_s, data


def _spent_s(decoder: Decoder, data: bytes, result: Result) -> float:
    began_s = time.process_time()
    try:
        decoder.call(data)
    except decoder.expected:
        result.refused += 1
    except Exception as error:  # noqa: BLE001 - what must not happen
        result.escaped.setdefault(f"{type(error).__name__}: {str(error)[:80]}", data)
    return time.process_time() - began_s


def rss_mib(process: int | str = "self") -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
