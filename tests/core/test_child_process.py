"""A child ends with its parent, whatever it is doing and however the parent ends."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import eventually
from tests.support import hostile_models
from tests.support.processes import children

PARENT = """
import sys, time
import numpy as np
from pathlib import Path
from agent.inference.isolated_classifier import IsolatedClassifier
isolated = IsolatedClassifier(Path(sys.argv[1]))
isolated.begin(np.full((1, 1, 200), 9.0, np.float32))
print("begun", flush=True)
time.sleep(60)
"""


def test_a_child_in_an_endless_loop_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    file = hostile_models.write(tmp_path, "2", "hangs", above=2.0)
    command = [sys.executable, "-c", PARENT, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"begun\n"
        (child,) = children(parent.pid)
        parent.kill()
    eventually(lambda: _has_ended(child), 10, "the end of the child")


def _has_ended(process: int) -> bool:
    """Gone, or dead and not yet collected by whoever inherited it."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"
