"""Model files with broken bytes, each loaded as the agent would; `python mutants.py FROM TO`.

A worker prints a line before and after each file, so that one that dies or hangs names its file.
"""

import contextlib
import random
import resource
import selectors
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import IO

HANG_S = 20.0
MEMORY = 4 << 30  # bytes of address space: a file that asks for more is refused, not served


def mutant(original: bytes, number: int) -> bytes:
    """Bits flipped, bytes overwritten, the end cut off, or a stretch put elsewhere."""
    rng = random.Random(number)
    data = bytearray(original)
    how = number % 4
    if how == 3:
        return bytes(data[: rng.randrange(len(data))])
    for _ in range(rng.choice((1, 3, 30))):
        # The graph stands in a few of the bytes, the weights in most: both shall be hit.
        span = len(data) if rng.random() < 0.5 else 4096
        at = rng.randrange(span) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(span)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at] = rng.randrange(256)
        else:
            length = rng.randrange(1, 200)
            start = rng.randrange(len(data) - length)
            data[at : at + length] = data[start : start + length]
    return bytes(data)


def work(first: int, last: int) -> None:
    """Loads those mutants of the released network, and scores a window where one loads."""
    import numpy as np

    from agent.core.errors import UserError
    from agent.inference import classifier, zoo

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    original = zoo.find("bearing").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mutant.onnx"
        for number in range(first, last):
            print(number, "begun", flush=True)
            file.write_bytes(mutant(original, number))
            try:
                model = classifier.load(file)
                window = np.zeros((1, model.contract.channels, model.contract.window), np.float32)
                model.classify(window)
                print(number, "loaded", flush=True)
            except UserError as error:
                print(number, "refused" if "\n" not in str(error) else "verbose", flush=True)
            except Exception as error:  # noqa: BLE001 - to be counted
                print(number, f"traceback {type(error).__name__}", flush=True)


def survey(count: int) -> tuple[Counter[str], list[str]]:
    """What became of each mutant, and which of them killed or hung their worker."""
    fates: Counter[str] = Counter()
    crashes: list[str] = []
    at = 0
    while at < count:
        command = [sys.executable, __file__, str(at), str(count)]
        worker = subprocess.Popen(
            command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert worker.stdout is not None
        last, hung = _follow(worker.stdout, fates)
        worker.kill()
        code = worker.wait()
        if last is None or last >= count:
            break
        crashes.append(f"{last} {'hangs' if hung else f'ends with {code}'}")
        at = last + 1
    return fates, crashes


def _follow(lines: IO[bytes], fates: Counter[str]) -> tuple[int | None, bool]:
    """Counts what a worker says; the mutant at which it stopped, if any, and whether it hung."""
    begun: int | None = None
    with selectors.DefaultSelector() as ready, contextlib.closing(lines):
        ready.register(lines, selectors.EVENT_READ)
        while ready.select(HANG_S):
            line = lines.readline().decode()
            if not line:
                return begun, False
            number, _, fate = line.strip().partition(" ")
            if not number.isdigit():  # ONNX Runtime talks, too
                continue
            begun = int(number) if fate == "begun" else None
            fates.update([fate] if begun is None else [])
    return begun, True


if __name__ == "__main__":
    work(int(sys.argv[1]), int(sys.argv[2]))
