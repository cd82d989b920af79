"""A network is calibrated anew without training: its labels stay, its sureness changes."""

from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

from agent.inference import classifier
from models.data.validation import Labelled
from models.export import recalibrate
from models.export.recalibrate import Calibration

ZOO = Path("models/zoo")
RNG = np.random.default_rng(0)
WINDOWS = RNG.standard_normal((24, 1, 4096)).astype(np.float32)
NOTHING = np.zeros((24, 5), np.float32)


def probabilities(path: Path) -> np.ndarray:
    answers = classifier.load(path).classify(WINDOWS, NOTHING)
    return np.array([answer.probabilities for answer in answers])


def without_distance(path: Path) -> onnx.ModelProto:
    """A file as it was before it had the output."""
    model = onnx.load(path)
    for at, value in enumerate(model.graph.output):
        if value.name == recalibrate.OUTPUT:
            del model.graph.output[at]
    kept = [node for node in model.graph.node if recalibrate.OUTPUT not in node.output[0]]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    constants = [c for c in model.graph.initializer if not c.name.startswith("distance/")]
    del model.graph.initializer[:]
    model.graph.initializer.extend(constants)
    return model


def test_a_higher_temperature_makes_a_file_less_sure_and_changes_no_label(tmp_path: Path) -> None:
    file = tmp_path / "bearing.onnx"
    file.write_bytes((ZOO / "bearing.onnx").read_bytes())
    before = probabilities(file)
    recalibrate.rewrite(file, Calibration(3.0, None, 0.25))
    after = probabilities(file)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    assert after.max(axis=1).mean() < before.max(axis=1).mean() - 0.05
    assert classifier.load(file).contract.max_distance == 0.25


def test_a_file_without_a_distance_gets_that_of_the_release(tmp_path: Path) -> None:
    """Grown from typical features, it answers as the original module does."""
    near = RNG.standard_normal((8, features_of("bearing"))).astype(np.float32)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    model = without_distance(ZOO / "bearing.onnx")
    grown = recalibrate.apply(model, Calibration(1.307, near, 0.2))
    rows = recalibrate.run(grown, recalibrate.features(grown.graph), WINDOWS, NOTHING)[:, :, 0, 0]
    expected = 1 - (rows @ near.T / np.linalg.norm(rows, axis=1, keepdims=True)).max(axis=1)
    found = recalibrate.run(grown, recalibrate.OUTPUT, WINDOWS, NOTHING)
    assert found == pytest.approx(expected, abs=1e-5)


def features_of(name: str) -> int:
    model = onnx.load(ZOO / f"{name}.onnx")
    output = recalibrate.features(model.graph)
    return int(recalibrate.run(model, output, WINDOWS[:1], NOTHING[:1]).shape[1])


def test_the_limit_lets_through_all_but_the_share_that_is_asked_for() -> None:
    model = onnx.load(ZOO / "bearing-resnet.onnx")
    targets = np.zeros(len(WINDOWS), np.int64)
    noisy = Labelled(WINDOWS, targets, NOTHING)
    limit = recalibrate.farthest(model, noisy, 0.25)
    distances = recalibrate.run(model, recalibrate.OUTPUT, WINDOWS, NOTHING)
    assert (distances > limit).mean() == pytest.approx(0.25)
