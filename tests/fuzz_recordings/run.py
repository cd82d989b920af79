"""Runs the mutants of one format in this process."""

import logging
import resource
import tempfile
import warnings
from pathlib import Path

from agent.sources.formats import isolated_worker
from tests.fuzz_recordings.mutants import BY_LIBRARY, mutants, valid
from tests.fuzz_recordings.read import Counts, read_all

LARGEST_MIB = 300.0
READ = 0.2  # at least, of all formats: mutants that are not all refused at once


def run(name: str, cases: int, seed: int) -> Counts:
    """In this process: so many mutants of one format."""
    logging.disable(logging.CRITICAL)
    files = _valid(name)
    warnings.simplefilter("error")  # a library's warning is as much of a nuisance as a traceback
    if name in BY_LIBRARY:  # as in the child process that reads them
        warnings.simplefilter("ignore")
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (isolated_worker.MEMORY, hard))
    with tempfile.TemporaryDirectory() as folder:
        return read_all(name, mutants(files, cases, seed), Path(folder))


def _valid(name: str) -> list[bytes]:
    if name not in BY_LIBRARY:
        return valid()[name]
    from tests.fuzz_recordings import library_files  # their memory is not that of other formats

    return library_files.valid(name)


def passed(counts: Counts) -> bool:
    quiet = not counts.escaped and not counts.hangs
    return quiet and counts.rss_mib < LARGEST_MIB and counts.read > 0
