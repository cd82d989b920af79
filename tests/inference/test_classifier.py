"""The model file is the contract: one that is not kept is refused in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from agent.core import model_contract
from agent.core.errors import UserError
from agent.inference import classifier as classify
from tests.support import tiny


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        classify.load(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


def changed(**changes: Any) -> str:
    return json.dumps(json.loads(tiny.contract().to_json()) | changes)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("", "found no 'drsn' metadata"),
        ("{", "metadata 'drsn'"),
        ("[]", "metadata 'drsn'"),
        (changed(schema="drsn-model/99"), "found contract 'drsn-model/99', expected"),
        (changed(rate_hz="fast"), "rate_hz"),
        (changed(rate_hz=0), "rate_hz"),
        (changed(precision="int3"), "precision"),
        (changed(labels=["normal"]), "labels"),
        (changed(normal=[]), "normal labels: found none, expected some of normal, loud"),
        (changed(normal=["fine"]), "normal labels: found fine, expected some of normal, loud"),
        (changed(labels=["normal", "loud", "odd"]), "found [2, 2], expected [2, 3]"),
        (changed(channels=2), "input [channels, window]: found [1, 200], expected [2, 200]"),
        (changed(window=100), "input [channels, window]: found [1, 200], expected [1, 100]"),
    ],
)
def test_a_contract_that_the_graph_does_not_keep_is_refused(
    tmp_path: Path, metadata: str, expected: str
) -> None:
    assert expected in refused(tiny.write(tmp_path / "m.onnx", metadata=metadata))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tiny.write(tmp_path / "m.onnx")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(np.random.default_rng(0).bytes(10_000))
    assert "not a model that ONNX Runtime can load" in refused(path)


def test_text_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny.build().replace(b'"unit":"g"', b'"unit":"\xff"'))
    assert "expected UTF-8" in refused(path)


@pytest.mark.parametrize("what", ["output", "input"])
def test_other_names_are_refused(tmp_path: Path, what: str) -> None:
    model = onnx.load_from_string(tiny.build())
    for node in model.graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                if name in {"output": ("probabilities",), "input": ("samples",)}[what]:
                    names[at] = "other"
    getattr(model.graph, what)[0].name = "other"
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    assert "['other'], expected" in refused(path)


def test_a_graph_that_gives_no_probabilities_is_refused(tmp_path: Path) -> None:
    model = onnx.load_from_string(tiny.build())
    model.graph.node[-1].op_type = "Sigmoid"
    del model.graph.node[-1].attribute[:]
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    assert "expected a sum of 1" in refused(path)


def test_a_newer_contract_may_say_more(tmp_path: Path) -> None:
    path = tiny.write(tmp_path / "m.onnx", metadata=changed(colour="green"))
    assert classify.load(path).contract == tiny.contract()


def test_any_batch_gives_what_its_windows_give_alone(tiny_model: Path) -> None:
    classifier = classify.load(tiny_model)
    samples = np.random.default_rng(0).standard_normal((70, 1, 200)).astype(np.float32)
    together = classifier.classify(samples)
    assert together == [classifier.classify(each[None])[0] for each in samples]
    assert classifier.classify(samples[:0]) == []


def test_a_contract_survives_the_round_trip() -> None:
    described = tiny.contract(figures={"macro_f1": 0.5}, max_distance=3.0)
    assert (
        model_contract.parse({model_contract.METADATA_KEY: described.to_json()}, "m.onnx")
        == described
    )
