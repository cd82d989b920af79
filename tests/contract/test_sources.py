"""What every kind of source keeps, whatever is behind it."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent import sources
from agent.config.validation import convert
from agent.core.types import Source
from tests.contract import live
from tests.contract.live import EXPECTED, RATE_HZ, SAMPLES


def _in_background(write: Callable[[], object]) -> None:
    """A writer whose reader may leave before the end."""

    def run() -> None:
        with contextlib.suppress(ConnectionError):
            write()

    threading.Thread(target=run, daemon=True).start()


def _flac(folder: Path) -> dict[str, Any]:
    soundfile.write(folder / "a.flac", SAMPLES, RATE_HZ)
    return {"kind": "file", "path": str(folder / "a.flac"), "pace": "fast"}


def _wav_realtime(folder: Path) -> dict[str, Any]:
    soundfile.write(folder / "a.wav", SAMPLES, RATE_HZ, subtype="PCM_24")
    return {"kind": "file", "path": str(folder / "a.wav"), "pace": "realtime"}


def _npy(folder: Path) -> dict[str, Any]:
    np.save(folder / "a.npy", SAMPLES)
    return {"kind": "file", "path": str(folder / "a.npy"), "pace": "fast", "rate_hz": RATE_HZ}


def _csv(folder: Path) -> dict[str, Any]:
    np.savetxt(folder / "a.csv", EXPECTED, delimiter=";", header="de;fe", comments="", fmt="%.9g")
    return {"kind": "file", "path": str(folder / "a.csv"), "pace": "fast", "rate_hz": RATE_HZ}


def _fifo(folder: Path) -> dict[str, Any]:
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    _in_background(lambda: fifo.write_bytes(SAMPLES.tobytes()))
    return {"kind": "stream", "url": str(fifo), "rate_hz": RATE_HZ, "interleaved": 2, "once": True}


def _tcp(_folder: Path) -> dict[str, Any]:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection, server:
            data = EXPECTED.astype("<f4").tobytes()
            for at in range(0, len(data), 1001):  # cuts through frames
                connection.sendall(data[at : at + 1001])

    _in_background(serve)
    url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    return {
        "kind": "stream",
        "url": url,
        "rate_hz": RATE_HZ,
        "interleaved": 2,
        "dtype": "float32",
        "once": True,
    }


def _synth(_folder: Path) -> dict[str, Any]:
    phase = {"duration_s": 0.5, "fault": "inner", "noise": "pink"}
    return {"kind": "synth", "pace": "fast", "rate_hz": RATE_HZ, "scenario": [phase]}


KINDS: list[Callable[[Path], dict[str, Any]]] = [
    _flac,
    _wav_realtime,
    _npy,
    _csv,
    _fifo,
    _tcp,
    _synth,
]


@pytest.fixture(params=[*KINDS, *live.KINDS], ids=lambda make: make.__name__.strip("_"))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Source]]:
    make = request.param
    with contextlib.ExitStack() as stack:
        raw, send = make(tmp_path, stack) if make in live.KINDS else (make(tmp_path), None)
        kind = raw.pop("kind")
        source = sources.open_source(kind, convert(raw, sources.options(kind), ""))
        stack.callback(source.close)
        if send is not None:
            _in_background(send)
        yield make.__name__, source


LIVE = {make.__name__ for make in live.KINDS}


def everything(source: Source) -> np.ndarray:
    blocks = []
    while (block := source.read()) is not None:
        assert block.samples.dtype == np.float32
        assert block.samples.ndim == 2
        assert block.samples.shape[1] == source.format.channels
        blocks.append(block.samples)
    return np.concatenate(blocks)


def test_every_kind_is_here() -> None:
    here = {make.__name__.partition("_")[0] for make in live.KINDS}
    assert here | {"file", "stream", "synth"} == set(sources.KINDS)


def test_delivers_every_frame_once_in_order_and_then_ends(opened: tuple[str, Source]) -> None:
    name, source = opened
    assert source.format.rate_hz == RATE_HZ
    if name in LIVE:
        assert np.array_equal(live.until_all(source.read), EXPECTED)
        return
    delivered = everything(source)
    assert len(delivered) == len(SAMPLES)
    assert source.read() is None
    if name != "_synth":
        assert np.array_equal(delivered, EXPECTED)


def test_no_read_takes_longer_than_a_stop_may_wait(opened: tuple[str, Source]) -> None:
    _, source = opened
    for _ in range(5):
        began_s = time.monotonic()
        if source.read() is None:
            break
        assert time.monotonic() - began_s < 0.5


def test_full_scale_is_what_integers_reach_and_floats_have_none(
    opened: tuple[str, Source],
) -> None:
    name, source = opened
    expected = {
        "_flac": 32767 / 32768,
        "_npy": 32767 / 32768,
        "_fifo": 32767 / 32768,
        "_wav_realtime": 1 - 2**-23,
    } | dict.fromkeys(LIVE - {"serial_text"}, 32767 / 32768)
    assert source.format.full_scale == expected.get(name)


def test_only_sources_that_can_wait_are_patient(opened: tuple[str, Source]) -> None:
    name, source = opened
    assert source.format.patient is (name not in LIVE | {"_wav_realtime"})


def test_what_comes_by_the_clock_of_a_sensor_is_held_to_ours(opened: tuple[str, Source]) -> None:
    name, source = opened
    assert source.format.live is (name in LIVE | {"_fifo", "_tcp"})


def test_realtime_delivers_at_the_rate_of_the_recording(tmp_path: Path) -> None:
    raw = _wav_realtime(tmp_path)
    kind = raw.pop("kind")
    source = sources.open_source(kind, convert(raw, sources.options(kind), ""))
    began_s = time.monotonic()
    everything(source)
    assert time.monotonic() - began_s >= len(SAMPLES) / RATE_HZ * 0.99


def test_the_same_seed_gives_the_same_machine() -> None:
    def run(seed: int) -> np.ndarray:
        raw = _synth(Path()) | {"seed": seed}
        raw.pop("kind")
        return everything(sources.open_source("synth", convert(raw, sources.options("synth"), "")))

    assert np.array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_a_fifo_without_a_writer_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    raw = {"url": str(tmp_path / "fifo"), "rate_hz": RATE_HZ}
    source = sources.open_source("stream", convert(raw, sources.options("stream"), ""))
    block = source.read()
    assert block is not None
    assert len(block.samples) == 0
    source.close()
