"""Code that only loading needs is no longer counted as the process's: its pages are unmapped.

Parsing and optimizing a model reads megabytes of ONNX Runtime that no window ever calls again. They
stay in the machine's page cache while there is room for them, and what is called once more comes
back from there, page by page, by itself.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

DONTNEED = 4  # MADV_DONTNEED of madvise(2), the same on every Linux


def unmap_code() -> None:
    """Of every mapping of a file that is executed and that nobody has written to: all pages.

    Does nothing where there is no /proc (macOS).
    """
    with contextlib.suppress(OSError):
        code = list(_code(Path("/proc/self/smaps").read_text(errors="replace")))
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in code:
            advise(start, end - start, DONTNEED)


def _code(smaps: str) -> Iterator[tuple[int, int]]:
    """(start, end) in bytes of mappings like `7f00-7f80 r-xp 0000 fd:00 12 /usr/lib/libc.so.6`
    all of whose pages are the file's."""
    start = end = 0
    for line in smaps.splitlines():
        words = line.split(maxsplit=5)
        if not words[0].endswith(":"):
            executed = words[1] == "r-xp" and words[5:] and words[5].startswith("/")
            start, end = (
                (int(address, 16) for address in words[0].split("-")) if executed else (0, 0)
            )
        elif words[0] == "Anonymous:" and words[1] == "0" and end:
            yield start, end
