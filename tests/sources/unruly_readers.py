"""Readers as a broken library may be one, each by the name that is asked for as `variable`."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from agent.sources.formats.recording import Array, Recording, from_reader


def open_file(path: Path, variable: str) -> Recording:
    if variable == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if variable == "hangs":
        time.sleep(60)
    if variable == "eats memory":
        np.ones(1 << 40)
    if variable == "prints":
        print("not an answer")
        os.write(1, b"nor this")
    if variable == "raises":
        raise AssertionError("what no one expects\nin two lines")

    def read_at(first: int, end: int) -> Array:
        if variable == "crashes later" and first:
            os.kill(os.getpid(), signal.SIGABRT)
        return np.full((end - first, 2), first, np.float32)

    return from_reader(read_at, np.float32, (10_000, 2), 50.0)
