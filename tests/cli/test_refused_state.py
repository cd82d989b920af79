"""A state directory that this user may not look into is one line, in every verb that needs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import free_port

# Root without the capability to read everything: the bits of the folder hold for it too.
ORDINARY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if not os.geteuid() else ()
VERBS = {
    "run": 75,
    "outbox show": 75,
    "history a": 75,
    "commission --source a": 75,
    "doctor": 1,
}


@pytest.mark.parametrize("verb", VERBS)
def test_it_is_named_in_one_line_with_the_exit_code_of_what_may_pass(
    verb: str, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    (closed / "state").mkdir(parents=True)
    closed.chmod(0)
    tree = {
        "agent": {"state_dir": str(closed / "state")},
        "mqtt": {"port": free_port()},
        "sources": [{"name": "a", "kind": "synth"}],
    }
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump(tree))
    line = [*ORDINARY, sys.executable, "-m", "agent", *verb.split(), "--config", str(config)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    closed.chmod(0o700)
    assert done.returncode == VERBS[verb], done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = (done.stdout + done.stderr).splitlines()
    (refused,) = (line for line in lines if "Permission denied" in line)
    assert str(closed / "state") in refused
