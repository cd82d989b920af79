"""Runs one injection in a world of its own."""

import time
from pathlib import Path

import pytest

from . import (  # noqa: F401
    delivery,
    disks,
    floods,
    microphone,
    model_files,
    network,
    process,
    refusals,
    sources,
    storage,
)
from .outcome import INJECTIONS, Check, Injection, Outcome, Skip
from .world import world

__all__ = ["INJECTIONS", "Injection", "run"]


def run(injection: Injection, quick: bool, folder: Path | None = None) -> Outcome:
    """What came of it; an injection that fails to run has failed."""
    began_s = time.monotonic()
    skipped: str | None = None
    try:
        with world(quick, folder) as its:
            checks = injection.run(its)
    except Skip as reason:
        checks, skipped = [], str(reason)
    # One row must not take the others with it; a broker that does not start is pytest's failure.
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001
        checks = [Check(f"not run to its end: {type(error).__name__}:", error, False)]
    return Outcome(injection, checks, time.monotonic() - began_s, skipped)
