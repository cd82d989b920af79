"""A new model that breaks is refused or rolled back, whatever breaks, and no window is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.inference import bundle, model_store, registry
from tests.conftest import Agent, Subscriber, eventually
from tests.support import bundles
from tests.support.rollout import config, install, switched, until, versions

Tree = dict[str, Any]


SABOTAGE = """
import ctypes, os, sys
import numpy as np
from agent.inference import isolated_worker
from agent.inference.classifier import OnnxClassifier
from agent.inference.isolated_worker import main
classified = OnnxClassifier.classify
kind = os.environ["SABOTAGE"]
def broken(self, samples, running=None):
    if self.contract.version != "2":
        return classified(self, samples, running)
    if kind.startswith("late") and self.served < 60:
        return classified(self, samples, running)
    if kind.endswith("crash"):
        ctypes.string_at(0)
    if kind.endswith("raises"):
        raise RuntimeError("no such kernel")
    if kind == "slow":
        import time
        began_s = time.thread_time()
        while time.thread_time() - began_s < 0.03:
            pass
        self.spent_s += 0.03
    said = classified(self, samples, running)
    if kind == "nan":
        return [type(each)((float("nan"),) * len(each.probabilities)) for each in said]
    return said
OnnxClassifier.classify = broken
if __name__ == "__main__":
    from agent.cli.main import main
    isolated_worker.__name__ = "sabotage"
    sys.exit(main())
"""


def sabotaged(tmp_path: Path, tree: Tree, kind: str) -> Agent:
    """An agent in which version 2 breaks that way, wherever it runs."""
    program = tmp_path / "sabotage.py"
    program.write_text(SABOTAGE)
    log = tmp_path / "sabotaged.log"
    command = [sys.executable, program, "run", "--config", config(tmp_path, tree)]
    environment = {**os.environ, "SABOTAGE": kind}
    with log.open("ab") as err:
        return Agent(subprocess.Popen(list(map(str, command)), stderr=err, env=environment), log)


@pytest.mark.parametrize(
    ("kind", "why", "state"),
    [
        ("raises", "failed on a window: no such kernel", "refused"),
        ("nan", "no probability", "refused"),
        ("slow", "ms a window", "refused"),
        ("crash", "its process ended by the signal 11", "refused"),
        ("late raises", "failed: no such kernel", "rolled_back"),
        ("late crash", "its process ended by the signal 11", "rolled_back"),
    ],
)
def test_what_breaks_is_refused_or_rolled_back_and_no_window_is_lost(
    tmp_path: Path, tree: Tree, subscriber: Subscriber, kind: str, why: str, state: str
) -> None:
    if state == "rolled_back":
        tree["rollout"]["probation_s"] = 60.0
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    install(tmp_path, tree, bundles.bundle(tmp_path, "2"))
    agent = sabotaged(tmp_path, tree, kind)
    try:
        assert why in until(subscriber, state)["why"]
        heard = len(versions(subscriber))
        eventually(lambda: len(versions(subscriber)) > heard + 3, 10, "windows go on")
        assert versions(subscriber)[-1] == "1"
        assert agent.stop() == 0
    finally:
        agent.process.kill()
    firsts = [each["first_sample"] for each in subscriber.records("window")]
    assert firsts == list(range(0, 20 * len(firsts), 20))


def test_what_kills_the_process_after_a_restart_on_probation_is_given_up_after_three_starts(
    tmp_path: Path, tree: Tree, subscriber: Subscriber
) -> None:
    tree["rollout"]["probation_s"] = 60.0
    switched(tmp_path, tree)
    for _ in range(2):
        assert sabotaged(tmp_path, tree, "late crash").wait(30) == -signal.SIGSEGV
    assert "2" in versions(subscriber)
    agent = sabotaged(tmp_path, tree, "late crash")
    try:
        why = until(subscriber, "rolled_back")["why"]
        assert why == "the process ended 3 times while probation lasted"
        before = len(versions(subscriber))
        eventually(lambda: len(versions(subscriber)) > before + 60, 20, "windows go on")
        assert versions(subscriber)[-1] == "1"
        assert agent.stop() == 0
    finally:
        agent.process.kill()


def test_a_model_on_probation_that_kills_the_process_is_rolled_back_at_a_start(
    tmp_path: Path, tree: Tree
) -> None:
    state_dir = switched(tmp_path, tree)
    for _ in range(2):
        registry.count_start(state_dir, 3)
        assert (
            registry.find(state_dir, "tiny").read_bytes() == (tmp_path / "tiny-2.onnx").read_bytes()
        )
    registry.count_start(state_dir, 3)
    assert registry.find(state_dir, "tiny").read_bytes() == (tmp_path / "tiny-1.onnx").read_bytes()
    assert model_store.standing(state_dir, "tiny").state == "rolled_back"


def test_a_start_that_cannot_be_counted_tries_nothing(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir = tmp_path / "state"
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    made = bundles.bundle(tmp_path, "2")
    registry.admit(state_dir, bundle.unpack(made.read_bytes(), [], "x"), False)
    assert registry.count_start(state_dir, 3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agent.core.files.write", full)
    assert not registry.count_start(state_dir, 3)
    assert registry.find(state_dir, "tiny").read_bytes() == (tmp_path / "tiny-1.onnx").read_bytes()


def test_an_installed_file_that_rots_is_passed_over_for_the_one_before(
    tmp_path: Path, tree: Tree
) -> None:
    state_dir = switched(tmp_path, tree)
    file = registry.find(state_dir, "tiny")
    file.write_bytes(file.read_bytes()[:-1])
    assert registry.find(state_dir, "tiny").read_bytes() == (tmp_path / "tiny-1.onnx").read_bytes()
