"""What only loading needs of the libraries' code is not counted as the agent's memory."""

from pathlib import Path

import numpy as np

from agent.inference import classifier, memory

SMAPS = """\
1000-3000 r-xp 00000000 fd:00 12 /usr/lib/code.so
Rss:                   8 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
3000-4000 r-xp 00002000 fd:00 12 /usr/lib/patched.so
Anonymous:             4 kB
4000-5000 r--p 00003000 fd:00 12 /usr/lib/constants.so
Anonymous:             0 kB
5000-6000 rw-p 00004000 fd:00 12 /usr/lib/data.so
Anonymous:             0 kB
6000-7000 r-xp 00000000 00:00 0
Anonymous:             0 kB
7000-8000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
8000-a000 r-xp 00000000 fd:00 13 /opt/with space/more code.so
Anonymous:             0 kB
"""


def file_mib() -> float:
    """Of what files back, what is in memory as this process's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile:")) / 1024


def test_only_code_and_constants_that_are_as_their_file_has_them_are_unmapped() -> None:
    ranges = [(0x1000, 0x3000), (0x4000, 0x5000), (0x8000, 0xA000)]
    assert list(memory._code(SMAPS)) == ranges


def test_unmapped_code_is_counted_no_more_and_comes_back_when_it_is_called(
    tiny_model: Path,
) -> None:
    network = classifier.load(tiny_model)
    shape = (2, network.contract.channels, network.contract.window)
    samples = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    before = network.classify(samples)
    classifier.session(tiny_model.read_bytes())  # parsers and optimizers are in memory now
    loaded_mib = file_mib()
    memory.unmap_code()
    assert file_mib() < loaded_mib - 8
    assert network.classify(samples) == before
