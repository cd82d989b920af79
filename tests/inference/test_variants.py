"""The forms of a network: made alike, timed on the box, and the fastest that agrees is run."""

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from onnx import helper, numpy_helper

from agent.inference import classifier, variant_files, variant_trial, variants, zoo
from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support import tiny

Settings = Callable[..., dict[str, Any]]
SYNTH = {"kind": "synth", "rate_hz": 1000}

RELEASED = ("bearing", "bearing-orders", "bearing-resnet", "bearing-twin", "digits")


def slow(path: Path) -> Path:
    """The tiny model with a hundred nodes in it that change nothing."""
    model = onnx.load_from_string(tiny.build())
    chain = ["samples", *(f"wave{n}" for n in range(100))]
    waves = [
        helper.make_node("Sin", [before], [after]) for before, after in itertools.pairwise(chain)
    ]
    nothing = helper.make_node("Mul", [chain[-1], "nothing"], ["gone"])
    same = helper.make_node("Add", ["samples", "gone"], ["same"])
    model.graph.initializer.append(numpy_helper.from_array(np.array(0, np.float32), "nothing"))
    first = model.graph.node[0]
    first.input[:] = ["same", "same"]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*waves, nothing, same, *rest])
    path.write_bytes(model.SerializeToString())
    return path


def deaf(path: Path) -> Path:
    """The tiny model, and nothing is loud to it."""
    model = onnx.load_from_string(tiny.build())
    (bound,) = (each for each in model.graph.initializer if each.name == "bound")
    bound.CopyFrom(numpy_helper.from_array(np.array(1000, np.float32), "bound"))
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A slow model whose float form is fast."""
    own = slow(tmp_path / "fan.onnx")
    tiny.write(tmp_path / "fan.float.onnx")
    return own


def bench(folder: Path, tree: dict[str, Any]) -> tuple[int, str]:
    """Exit code, and the line on the variants."""
    file = folder / "doctor.yaml"
    file.write_text(yaml.safe_dump(tree))
    line = [sys.executable, "-m", "agent", "doctor", "--bench", "--config", str(file)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    (told,) = (each for each in done.stdout.splitlines() if "variants of" in each)
    return done.returncode, told


def test_run_takes_what_doctor_has_found_to_be_the_fastest_and_says_so(
    broker: Broker,
    subscriber: Subscriber,
    settings: Settings,
    run_agent: Callable[..., Agent],
    tmp_path: Path,
    model: Path,
) -> None:
    tree = settings(broker.port, **SYNTH, model=str(model), publish_windows=True)
    code, told = bench(tmp_path, tree)
    assert code == 0
    assert told.startswith(f"ok     variants of {model}: float32 ")
    assert told.endswith(f"runs as float, kept in {tmp_path / 'state' / 'variants.json'}")
    agent = run_agent(tree)
    eventually(lambda: len(subscriber.of("window")) > 2, 20, "windows")
    assert f"{model}: runs as float, the fastest here by doctor --bench" in agent.logged()
    (info,) = (each for each in subscriber.records("info") if each)
    sha256 = classifier.load(tmp_path / "fan.float.onnx").sha256
    assert info["sources"][0]["model"]["sha256"] == sha256
    agent.process.send_signal(signal.SIGHUP)
    eventually(lambda: "reload: kept bearing-de" in agent.logged(), 10, "it stays as it is")
    assert agent.stop() == 0


def kept(tmp_path: Path, model: Path, settings: Settings) -> Path:
    tree = settings(1, **SYNTH, model=str(model))
    tree["agent"]["sink"] = "stdout"
    assert bench(tmp_path, tree)[0] == 0
    folder = tmp_path / "state"
    assert variants.file(model, folder) == tmp_path / "fan.float.onnx"
    return folder


def test_the_choice_lapses_with_the_model_the_form_the_processor_and_the_file(
    tmp_path: Path, model: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kept(tmp_path, model, settings)
    assert variants.file(model, None) == model
    with monkeypatch.context() as patched:
        patched.setattr(variants, "CPU_INFO", tmp_path / "doctor.yaml")
        assert variants.file(model, folder) == model
    with monkeypatch.context() as patched:
        patched.setattr(onnxruntime, "__version__", "99")
        assert variants.file(model, folder) == model
    for changed in (model, tmp_path / "fan.float.onnx"):
        whole = changed.read_bytes()
        tiny.write(changed, tiny.contract(version="2"))
        assert variants.file(model, folder) == model
        changed.write_bytes(whole)
        assert variants.file(model, folder) == tmp_path / "fan.float.onnx"
    for broken in (b"", b"{", b'{"models": 3}'):
        (folder / variants.FILE).write_bytes(broken)
        assert variants.file(model, folder) == model


def test_a_fast_form_that_answers_otherwise_is_refused(
    tmp_path: Path, model: Path, settings: Settings
) -> None:
    deaf(tmp_path / "fan.float.onnx")
    tree = settings(1, **SYNTH, model=str(model))
    tree["agent"]["sink"] = "stdout"
    code, told = bench(tmp_path, tree)
    assert code == 0
    assert ", refused: " in told
    assert "runs as float32, kept in" in told
    assert variants.file(model, tmp_path / "state") == model


def test_another_network_under_the_name_of_a_form_is_refused(
    tmp_path: Path, model: Path, settings: Settings
) -> None:
    tiny.write(tmp_path / "fan.float.onnx", tiny.contract(version="2"))
    tree = settings(1, **SYNTH, model=str(model))
    tree["agent"]["sink"] = "stdout"
    assert "float refused: another network; runs as float32" in bench(tmp_path, tree)[1]


def test_a_model_without_other_forms_gets_a_note(tmp_path: Path, settings: Settings) -> None:
    tree = settings(1, **SYNTH)
    tree["agent"]["sink"] = "stdout"
    code, told = bench(tmp_path, tree)
    assert code == 0
    assert told.startswith("note   variants of ")
    assert "nothing to choose from (train --keep-variants writes them)" in told
    assert not (tmp_path / "state" / variants.FILE).exists()


def test_choices_of_several_models_are_kept_side_by_side(tmp_path: Path, model: Path) -> None:
    other = tiny.write(tmp_path / "other.onnx")
    chosen = variants.VariantChoice("fan", "float", "0" * 64, variants.box(), 1, {"": 1.0})
    variants.keep(tmp_path / "state", model, chosen)
    variants.keep(tmp_path / "state", other, chosen)
    assert variants.lookup(tmp_path / "state", model) == chosen
    assert len(json.loads((tmp_path / "state" / variants.FILE).read_text())["models"]) == 2


def test_the_zoo_lists_no_variants_and_every_network_of_it_has_all_of_them() -> None:
    released = zoo.released()
    assert set(released) == set(RELEASED)
    for file in released.values():
        assert tuple(variant_files.existing(file)) == variant_files.FORMS


@pytest.mark.parametrize("name", RELEASED)
def test_the_forms_of_a_released_network_are_that_network(name: str) -> None:
    own = classifier.load(zoo.find(name))
    samples, running = variant_trial.windows(own.contract)
    expected = np.array([p.probabilities for p in own.classify(samples, running)])
    for form, file in variant_files.existing(zoo.find(name)).items():
        other = classifier.load(file)
        precision = {"float": "float32"}.get(form, form)
        assert (other.contract.name, other.contract.precision) == (name, precision)
        assert other.contract.decide == own.contract.decide
        assert other.contract.max_distance == own.contract.max_distance
        found = np.array([p.probabilities for p in other.classify(samples, running)])
        assert np.mean(found.argmax(1) == expected.argmax(1)) >= 0.95
        assert np.abs(found - expected).max(1).mean() < 0.02
