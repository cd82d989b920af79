"""Runs the mutants of one format in this process."""

import logging
import tempfile
import warnings
from pathlib import Path

from tests.fuzz_recordings.mutants import mutants, valid
from tests.fuzz_recordings.read import Counts, read_all

LARGEST_MIB = 300.0
READ = 0.2  # at least, of all formats: mutants that are not all refused at once


def run(name: str, cases: int, seed: int) -> Counts:
    """In this process: so many mutants of one format."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")  # a library's warning is as much of a nuisance as a traceback
    with tempfile.TemporaryDirectory() as folder:
        return read_all(name, mutants(valid()[name], cases, seed), Path(folder))


def passed(counts: Counts) -> bool:
    quiet = not counts.escaped and not counts.hangs
    return quiet and counts.rss_mib < LARGEST_MIB and counts.read > 0
