"""A new user's steps are lines of the README (`make first-test` takes them, one after another)."""

import json
import subprocess
import sys

import pytest

from tests.first import first_state
from tests.first.steps import STEPS, Step


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_a_step_is_a_line_of_the_readme(step: Step) -> None:
    assert step.is_documented


def test_an_agent_without_a_state_is_no_success() -> None:
    event = json.dumps({"schema": "drsn-event/1", "decision": "normal", "label": "normal"})
    program = f"print({event!r})"
    command = [sys.executable, first_state.__file__, sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"code": 0}
