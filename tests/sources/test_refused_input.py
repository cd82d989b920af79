"""A source that refuses what it hears quotes the first piece in the log, once, and in `refusal`."""

import os
import socket
import struct
from pathlib import Path

import numpy as np
import pytest

from agent.core.types import Refusing
from agent.sources import stream, udp
from agent.sources.sensor_nodes.deframer import Deframer
from agent.sources.sensor_nodes.frames import pack
from agent.sources.sensor_nodes.text_lines import TextLines

SAMPLES = np.arange(50, dtype=np.int16)[:, None]
NONSENSE = {
    "labels": (b"acc:0.123\r\n", "'acc:0.123"),
    "three numbers": (b"1,2,3\n", "'1,2,3"),
    "a decimal comma": (b"0,123\r\n", "'0,123"),
    "JSON": (b'{"acc":0.1}\n', '{"acc":0.1}'),
    "the wrong baud": (b"\xf8\x80\xff\xe0", r"\xf8\x80\xff\xe0"),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_refused_lines_are_quoted_once(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    line, quoted = NONSENSE[kind]
    decoder = TextLines(500, 1)
    decoder.push(b"begins here\n", 0.0)
    for _ in range(2000):
        assert decoder.push(line, 0.0) == []
    (message,) = caplog.messages
    assert quoted in message
    assert quoted in str(decoder.refusals.text)


def test_lines_that_end_with_a_carriage_return_are_read(caplog: pytest.LogCaptureFixture) -> None:
    decoder = TextLines(500, 1)
    blocks = decoder.push(b"lost\r0.5\r1.5\r\n2.5\r", 0.0)
    assert [value for block in blocks for value in block.samples[:, 0]] == [0.5, 1.5, 2.5]
    assert caplog.messages == []


def test_text_on_a_line_of_frames_is_quoted_once(caplog: pytest.LogCaptureFixture) -> None:
    decoder = Deframer(500, "int16", 1)
    for _ in range(2000):
        assert decoder.push(b"0.123\r\n", 0.0) == []
    (message,) = caplog.messages
    assert "0.123" in message


@pytest.fixture(params=["127.0.0.1", "::"])
def listening(request: pytest.FixtureRequest) -> str:
    """A free address of this machine; all of them, IPv6 and IPv4, for `::`."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as free:
        free.bind((request.param, 0))
        port = free.getsockname()[1]
    return f"[::]:{port}" if family == socket.AF_INET6 else f"127.0.0.1:{port}"


def received(listen: str, sender: str | None) -> udp.UdpSource:
    """The source after a datagram that 127.0.0.1 has sent."""
    source = udp.open_source(udp.Options(rate_hz=1000, listen=listen, sender=sender))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.sendto(pack(SAMPLES, 0), ("127.0.0.1", int(listen.rpartition(":")[2])))
    return source


@pytest.mark.parametrize("sender", [None, "127.0.0.1", "localhost", "::ffff:127.0.0.1"])
def test_the_sender_is_known_by_address_and_name_on_each_kind_of_socket(
    listening: str, sender: str | None
) -> None:
    source = received(listening, sender)
    assert len(source.read().samples) == len(SAMPLES)
    assert source.refusal is None
    source.close()


def test_a_foreign_sender_is_named(listening: str, caplog: pytest.LogCaptureFixture) -> None:
    source = received(listening, "192.0.2.7")
    assert len(source.read().samples) == 0
    expected = "found a datagram of 127.0.0.1, expected the sender 192.0.2.7"
    assert source.refusal == expected
    assert expected in caplog.text
    source.close()


def wav_header(rate_hz: int, channels: int) -> bytes:
    fmt = struct.pack("<HHIIHH", 1, channels, rate_hz, 2 * channels * rate_hz, 2 * channels, 16)
    size = 0xFFFFFFFF
    start = b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + struct.pack("<I", 16)
    return start + fmt + b"data" + struct.pack("<I", size)


def piped(data: bytes, pieces: int, folder: Path) -> tuple[stream.StreamSource, list[float]]:
    """The source and its samples after `data` came in so many pieces."""
    path = folder / "fifo"
    os.mkfifo(path)
    source = stream.open_source(stream.Options(rate_hz=8000, url=str(path)))
    writer = os.open(path, os.O_WRONLY)
    samples: list[float] = []
    for part in np.array_split(np.frombuffer(data, np.uint8), pieces):
        os.write(writer, part.tobytes())
        block = source.read()
        samples += [] if block is None else block.samples[:, 0].tolist()
    os.close(writer)
    source.close()
    return source, samples


@pytest.mark.parametrize("pieces", [1, 7, 40])
def test_a_wav_header_in_a_raw_stream_is_skipped(
    pieces: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, samples = piped(wav_header(8000, 1) + SAMPLES.tobytes(), pieces, tmp_path)
    assert samples == (SAMPLES[:, 0] / 2.0**15).tolist()
    assert caplog.messages == ["found a WAV header before the samples, and skipped it"]


def test_a_wav_header_of_another_format_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, samples = piped(wav_header(48_000, 2) + SAMPLES.tobytes(), 3, tmp_path)
    assert samples == []
    assert isinstance(source, Refusing)
    assert "found a WAV header of int16, 2 channels, 48000 Hz, expected raw" in caplog.text


FOREIGN = {
    "the text '0.12573'": b"0.12573\n-0.02345\n" * 40,
    "the text 't,acc'": b"t,acc\r\n" + b"0.0001,0.12573\r\n" * 20,
    """the text '{"acc": 0.1}'""": b'{"acc": 0.1}\n' * 40,
    "a file of the format FLAC": b"fLaC" + SAMPLES.tobytes(),
    "a file of the format AIFF": b"FORM" + SAMPLES.tobytes(),
    "a file of the format Ogg": b"OggS" + SAMPLES.tobytes(),
}


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("found", FOREIGN)
def test_what_is_no_raw_sample_in_a_stream_is_quoted(
    found: str, pieces: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, samples = piped(FOREIGN[found], pieces, tmp_path)
    assert len(samples) == 0
    assert source.refusal is not None
    assert source.refusal.startswith(f"found {found}, expected raw samples of int16, 1 channels")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("value", [0x3031, 0x2041, 0x0A41])
def test_a_quiet_signal_whose_bytes_are_letters_is_no_text(value: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 70, 500)
    quiet = (value + noise).astype("<i2")
    _, samples = piped(quiet.tobytes(), 3, tmp_path)
    assert len(samples) == 500


def test_a_stream_without_header_loses_nothing(tmp_path: Path) -> None:
    assert len(piped(SAMPLES.tobytes(), 9, tmp_path)[1]) == len(SAMPLES)
