"""`python -m benchmarks`: ratios from interleaved runs, on whatever machine this is.

Below 1 is faster than the baseline. Times are medians, for orientation only.
"""

import os
import tempfile
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from agent.acquisition.ring_buffer import Ring
from agent.acquisition.windows import Windower
from agent.core.types import Gap, Message
from agent.delivery.outbox import Limits, Outbox
from agent.inference import classifier, zoo
from agent.inference.classifier import OnnxClassifier
from benchmarks import options
from benchmarks.interleaved import Ratio, compare

BATCH = 16


def main() -> None:
    quick = options.parser("", __doc__).parse_args().quick
    print(f"{os.cpu_count()} cores, {_processor()}\n")
    print(f"{'ours / baseline':58} {'ratio':>6}  [quartiles]")
    for ratio in chain(_batches(quick), [_windows(quick)], _outbox(quick)):
        print(ratio, flush=True)


def _batches(quick: bool) -> Iterator[Ratio]:
    """Each released network: one call for many windows against a call for each."""
    for name, file in options.first(list(zoo.released().items()), quick):
        model = classifier.load(file)
        shape = (BATCH, model.contract.channels, model.contract.window)
        windows = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        yield compare(
            f"{name}: {BATCH} windows in one call / one by one",
            partial(model.classify, windows),
            partial(_one_by_one, model, windows),
            options.rounds(60, quick),
        )


def _one_by_one(model: OnnxClassifier, windows: np.ndarray) -> None:
    for window in windows:
        model.classify(window[None])


def _windows(quick: bool) -> Ratio:
    """A second of 10 kHz in blocks of 50 ms, windows of 2048 at hop 0.1 s."""
    blocks = np.random.default_rng(0).standard_normal((20, 500, 1)).astype(np.float32)
    marks = np.zeros(500, np.uint8)
    ring = Ring(100_000, 1, lambda: None)
    windower = Windower(ring, 2048, 1000)
    held = np.zeros((0, 1), np.float32)

    def ours() -> None:
        for block in blocks:
            ring.write(block, marks)
            list(windower.due(16))

    def baseline() -> None:
        nonlocal held
        for block in blocks:
            held = np.concatenate([held, block])
            while len(held) >= 2048:
                np.ascontiguousarray(held[:2048].T)
                held = held[1000:]

    name = "ring and honest windows / np.concatenate, no checks"
    return compare(name, ours, baseline, options.rounds(200, quick))


def _outbox(quick: bool) -> Iterator[Ratio]:
    """500 messages of 900 bytes put, committed, read and settled, against a deque in memory."""
    payload = b"x" * 900
    queue: deque[Message] = deque()

    def baseline() -> None:
        for seq in range(500):
            queue.append(Message(seq, "drsn/a/s/window", payload))
        while queue:
            queue.popleft()

    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        outbox = Outbox(Path(folder) / "outbox.sqlite", Limits(), _no_gap)

        def ours() -> None:
            for _ in range(500):
                outbox.put(lambda _, seq: Message(seq, "drsn/a/s/window", payload))
            outbox.commit()
            outbox.settle([message.seq for message in outbox.after(0, 500)])
            outbox.commit()

        name = "outbox on disk, 500 put and drained / deque in memory"
        ratio = compare(name, ours, baseline, options.rounds(40, quick))
        yield ratio
        print(f"{'':4}{500e6 / ratio.ours_us:,.0f} messages/s put, committed, read and settled")


def _no_gap(epoch: str, gap: Gap) -> Message:
    raise AssertionError("nothing is over a limit here")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return "unknown processor"


if __name__ == "__main__":
    main()
