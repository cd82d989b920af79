"""Faults injected into the real process: the short ones; `make faults` runs all, at full size."""

import pytest

from tests.conftest import MOSQUITTO
from tests.faults.run import INJECTIONS, Injection, run

SHORT = [each for each in INJECTIONS.values() if each.short]


@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt-get install mosquitto)")
@pytest.mark.parametrize("injection", SHORT, ids=lambda each: each.name)
def test_what_is_promised_holds_when(injection: Injection) -> None:
    outcome = run(injection, quick=True)
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert outcome.passed, outcome.counted
