"""Code that only loading needs is no longer counted as the process's: its pages are unmapped.

Parsing and optimizing a model reads megabytes of ONNX Runtime, code and constants, that no window
ever needs again. They stay in the machine's page cache while there is room for them, and what is
needed once more comes back from there, page by page, by itself.
"""

import contextlib
import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

DONTNEED = 4  # MADV_DONTNEED of madvise(2), the same on every Linux
MAPPING = re.compile(  # of a file, read-only: start, end, and the kB that are not the file's
    r"^(\w+)-(\w+) r-[x-]p \S+ \S+ \S+ +/.*\n(?:(?!Anonymous:).*\n)*Anonymous: +(\d+)", re.MULTILINE
)


def unmap_code() -> None:
    """Of every mapping of a file, read-only, that nobody has written to: all pages.

    No other thread may load a library meanwhile: its relocations would be lost. Does nothing where
    there is no /proc (macOS).
    """
    with contextlib.suppress(OSError):
        code = list(_code(Path("/proc/self/smaps").read_text(errors="replace")))
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in code:
            advise(start, end - start, DONTNEED)


def _code(smaps: str) -> Iterator[tuple[int, int]]:
    """(start, end) of mappings like `7f00-7f80 r-xp 0000 fd:00 12 /usr/lib/libc.so.6`, addresses,
    all of whose pages are the file's."""
    for start, end, anonymous in MAPPING.findall(smaps):
        if anonymous == "0":
            yield int(start, 16), int(end, 16)
