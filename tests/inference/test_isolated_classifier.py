"""A model under trial does its harm to its own process alone, and is told in one line."""

import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from agent.core.errors import UserError
from agent.core.types import Samples
from agent.inference import classifier
from agent.inference.isolated_classifier import IsolatedClassifier
from tests.conftest import eventually
from tests.support import hostile_models, tiny
from tests.support.processes import children

ANSWER_S = 1.0
LOUD = 2.0  # the chirp of the first trial is below


def windows(peak: float, count: int = 1) -> Samples:
    return np.full((count, 1, 200), peak, np.float32)


def test_a_model_answers_from_its_own_process_as_from_ours_and_the_process_ends_with_it(
    tmp_path: Path,
) -> None:
    file = tiny.write(tmp_path / "tiny.onnx")
    before = children()
    real, isolated = classifier.load(file), IsolatedClassifier(file)
    samples = np.random.default_rng(0).normal(0, 0.3, (40, 1, 200)).astype(np.float32)
    assert isolated.classify(samples) == real.classify(samples)
    isolated.begin(samples[:1])
    results = iter(isolated.result, ())
    assert next(filter(None, results)) == real.classify(samples[:1])
    assert (isolated.contract, isolated.sha256) == (real.contract, real.sha256)
    assert isolated.served == 41
    assert isolated.spent_s > 0
    assert children() - before
    del isolated, results
    eventually(lambda: not children() - before, 10, "the end of the process")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("hangs", "took longer than 1 s for an answer"),
        ("eats memory", r"(?i)alloc"),
        ("widens", "probabilities: found 10, expected 2"),
    ],
)
def test_a_window_that_makes_it_do_harm_costs_one_line_and_the_process(
    tmp_path: Path, kind: str, why: str
) -> None:
    before = children()
    file = hostile_models.write(tmp_path, "2", kind, LOUD)
    isolated = IsolatedClassifier(file, answer_s=ANSWER_S)
    assert len(isolated.classify(windows(0.1))) == 1
    began_s = time.monotonic()
    with pytest.raises(UserError, match=why) as failure:
        isolated.classify(windows(9.0))
    assert str(failure.value).isprintable()
    assert time.monotonic() - began_s < 10 * ANSWER_S
    del isolated, failure
    eventually(lambda: not children() - before, 10, "the end of the process")


@pytest.mark.parametrize("kind", ["hangs", "eats memory", "gives no number", "widens"])
def test_a_model_that_does_harm_when_it_is_loaded_is_refused_in_one_line(
    tmp_path: Path, kind: str
) -> None:
    file = hostile_models.write(tmp_path, "2", kind, above=-1.0)
    with pytest.raises(UserError) as failure:
        IsolatedClassifier(file, load_s=2.5)
    assert str(failure.value).isprintable()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGSTOP, signal.SIGKILL])
def test_a_process_that_crashes_or_stands_still_is_told(tmp_path: Path, number: int) -> None:
    before = children()
    isolated = IsolatedClassifier(tiny.write(tmp_path / "tiny.onnx"), answer_s=ANSWER_S)
    (child,) = children() - before
    os.kill(child, number)
    expected = "longer than 1 s" if number == signal.SIGSTOP else f"ended by the signal {number}"
    with pytest.raises(UserError, match=expected):
        isolated.classify(windows(0.1))
    assert child not in children()


def test_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"\x00\xff" * 99)
    for file in (tmp_path / "a.onnx", tmp_path / "b.onnx"):
        with pytest.raises(UserError, match=re.escape(file.name)) as failure:
            IsolatedClassifier(file)
        assert "\n" not in str(failure.value)
