"""A signed model that hangs, crashes or eats memory ends its own trial, and nothing else."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.config.rollout import Rollout
from agent.control.rollout.assignments import Demand
from agent.control.rollout.probation import GuardedClassifier
from agent.inference import classifier
from agent.inference.isolated_classifier import IsolatedClassifier
from tests.conftest import Agent, Subscriber, eventually
from tests.support import bundles, hostile_models, tiny
from tests.support.processes import children
from tests.support.rollout import install, until, versions

Start = Callable[..., Agent]
Tree = dict[str, Any]
SEEN = 1.05  # some windows of the source reach it, those of the first trial do not


def whole(subscriber: Subscriber) -> None:
    """No window and no number is missing."""
    windows = subscriber.records("window")
    assert [w["first_sample"] for w in windows] == list(range(0, 20 * len(windows), 20))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("hangs", "took longer than 5 s for an answer"),
        ("eats memory", "alloc"),
        ("gives no number", "gives no probability"),
    ],
)
def test_a_candidate_that_does_harm_in_the_shadow_is_refused_and_no_window_is_late_or_lost(
    tmp_path: Path, tree: Tree, run_agent: Start, subscriber: Subscriber, kind: str, why: str
) -> None:
    tree["rollout"] |= {"shadow_s": 30.0}
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    agent = run_agent(tree)
    eventually(lambda: bool(subscriber.of("window")), 20, "windows")
    install(tmp_path, tree, hostile_models.bundle(tmp_path, "2", kind, SEEN))
    refused = until(subscriber, "refused")
    assert why in refused["why"]
    before = len(versions(subscriber))
    eventually(lambda: len(versions(subscriber)) > before + 3, 10, "windows go on")
    assert set(versions(subscriber)) == {"1"}
    eventually(lambda: not children(agent.process.pid), 10, "the end of the model's process")
    assert agent.stop() == 0
    whole(subscriber)
    latest = [w["t_published"] for w in subscriber.records("window")]
    assert latest == sorted(latest)


def test_a_model_that_crashes_on_probation_is_rolled_back_without_a_window_lost(
    tmp_path: Path, tree: Tree, run_agent: Start, subscriber: Subscriber
) -> None:
    tree["rollout"] |= {"probation_s": 600.0}
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    agent = run_agent(tree)
    eventually(lambda: bool(subscriber.of("window")), 20, "windows")
    install(tmp_path, tree, bundles.bundle(tmp_path, "2"))
    until(subscriber, "switched")
    (process,) = children(agent.process.pid)
    os.kill(process, signal.SIGSEGV)
    assert "ended by the signal 11" in until(subscriber, "rolled_back")["why"]
    eventually(lambda: versions(subscriber)[-1] == "1", 10, "windows of the old model")
    assert agent.stop() == 0
    whole(subscriber)


def test_a_model_that_hangs_on_probation_is_waited_for_once(tmp_path: Path) -> None:
    old = classifier.load(tiny.write(tmp_path / "tiny.onnx"))
    file = hostile_models.write(tmp_path, "2", "hangs", SEEN)
    new = IsolatedClassifier(file, answer_s=0.5)
    guard = GuardedClassifier(new, old, Rollout(), Demand(1, 1.0), lambda why: None)
    loud = np.full((3, 1, 200), 9.0, np.float32)
    assert guard.classify(loud) == old.classify(loud)
    assert guard.verdict() == "failed: took longer than 0.5 s for an answer"
    assert guard.classify(loud) == old.classify(loud)
    assert guard.verdict() == "failed: took longer than 0.5 s for an answer"
    assert old.served == 12
