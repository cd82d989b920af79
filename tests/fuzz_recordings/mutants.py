"""Valid small recordings of each format, and mutants of them."""

import io
import random
import struct
from collections.abc import Iterator

import numpy as np
import scipy.io
import soundfile

RATE_HZ = 10_000
FRAMES = 4000
BY_LIBRARY = ("uff", "tdms", "h5", "parquet")  # the agent reads them in a child process
FORMATS = ("wav", "flac", "npy", "csv", "mat", *BY_LIBRARY)
HEAD = 400  # bytes in which the fields of a header are
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
TEXTS = (b",", b";", b"\n", b'"', b"#", b"nan", b"1e999", b"-", b"\xff\xfe", b"\0", b"x", b"time")


def valid() -> dict[str, list[bytes]]:
    """By format, the bytes of some files; those of `BY_LIBRARY` are in `library_files`."""
    rng = np.random.default_rng(0)
    mono = 0.3 * rng.standard_normal((FRAMES, 1))
    stereo = 0.3 * rng.standard_normal((FRAMES, 2))
    sound = {
        "wav": ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"],
        "flac": ["PCM_16", "PCM_24"],
    }
    files = {
        name: [_sound(name, subtype, signal) for subtype in subtypes for signal in (mono, stereo)]
        for name, subtypes in sound.items()
    }
    files["npy"] = [_npy(mono[:, 0]), _npy((stereo * 2**15).astype(np.int16)), _npy(stereo)]
    files["csv"] = [_csv(mono, "", ","), _csv(stereo, "a,b\n", ","), _csv(stereo, "t;x\n", ";")]
    files["mat"] = [_mat(mono, False), _mat(stereo, True), _mat_struct(mono)]
    return files


def mutants(files: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """`count` mutants, the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        data = chance.choice(files)
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            data = chance.choice((_flip, _number, _text, _cut, _repeat, _garble))(chance, data)
        yield data


def _sound(name: str, subtype: str, signal: "np.ndarray") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, signal, RATE_HZ, subtype, format=name.upper())
    return file.getvalue()


def _npy(array: "np.ndarray") -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _csv(signal: "np.ndarray", names: str, separator: str) -> bytes:
    table = signal if not names.startswith("t") else _timed(signal[:, :1])
    file = io.StringIO()
    np.savetxt(file, table, "%.5f", separator)
    return (names + file.getvalue()).encode()


def _timed(signal: "np.ndarray") -> "np.ndarray":
    return np.column_stack([np.arange(FRAMES) / RATE_HZ, signal])


def _mat(signal: "np.ndarray", compressed: bool) -> bytes:
    file = io.BytesIO()
    variables = {"X097_DE_time": signal, "X097RPM": 1797.0}
    scipy.io.savemat(file, variables, do_compression=compressed)
    return file.getvalue()


def _mat_struct(signal: "np.ndarray") -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, {"bearing": {"gs": signal[:, 0], "sr": float(RATE_HZ)}})
    return file.getvalue()


def _place(chance: random.Random, data: bytes) -> int:
    """Half of the changes are in the header."""
    end = min(len(data), HEAD) if chance.random() < 0.5 else len(data)
    return chance.randrange(end + 1) if end else 0


def _flip(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    if changed:
        changed[min(_place(chance, data), len(data) - 1)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _number(chance: random.Random, data: bytes) -> bytes:
    """Another number of one, two or four bytes, as sizes and counts are."""
    at, number = _place(chance, data), chance.choice(NUMBERS)
    form = chance.choice(("<B", "<H", ">H", "<I", ">I"))
    value = struct.pack(form, number % (1 << 8 * struct.calcsize(form)))
    return data[:at] + value + data[at + len(value) :]


def _text(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + chance.choice(TEXTS) + data[at + chance.randrange(3) :]


def _cut(chance: random.Random, data: bytes) -> bytes:
    if chance.random() < 0.5:
        return data[: chance.randrange(len(data) + 1)]
    at = _place(chance, data)
    return data[:at] + data[at + chance.randrange(64) :]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    piece = data[at : at + chance.randrange(1, 256)]
    return data[:at] + piece * chance.randrange(2, 5) + data[at:]


def _garble(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    piece = chance.randbytes(chance.randrange(1, 64))
    return data[:at] + piece + data[at + len(piece) :]
