"""What the page shows of thresholds and spectrum is what the graph and the signal hold."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from agent.inference import classifier, zoo
from agent.sources.machine_simulator import Machine, Spec
from agent.web import activations, model_graph
from agent.web.spectrogram import BANDS, FLOOR_DB, STEP_DB, Spectrogram


def test_the_thresholds_are_those_that_the_onnx_package_finds() -> None:
    file = zoo.find("bearing")
    found = model_graph.thresholds(file.read_bytes())
    nodes = {node.output[0]: node for node in onnx.load(file).graph.node}
    expected = [
        (node.input[0], name)
        for name, node in nodes.items()
        if node.op_type == "Sub"
        and node.input[1] in nodes
        and nodes[node.input[1]].op_type == "Max"
    ]
    assert len(expected) == 4
    assert [(each.before, each.after) for each in found] == expected


def test_what_is_taken_off_is_what_the_graph_itself_computes() -> None:
    """The same tensors, made outputs by the onnx package and summed here."""
    file = zoo.find("bearing")
    machine = Machine(Spec(), np.random.default_rng(0))
    window = machine.render(4096, "outer", 1.0).astype(np.float32)[None]
    model = onnx.load(file)
    outputs = len(model.graph.output)
    expected = []
    for each in model_graph.thresholds(file.read_bytes()):
        model.graph.output.extend([onnx.ValueInfoProto(name=each.before)])
        model.graph.output.extend([onnx.ValueInfoProto(name=each.after)])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    tensors = session.run(None, {"samples": window[None]})[outputs:]
    for before, after in zip(tensors[::2], tensors[1::2], strict=True):
        assert np.all(np.abs(after) <= np.abs(before))
        expected.append(1 - np.abs(after).sum() / np.abs(before).sum())
    asked_of = activations.load(file)
    assert asked_of is not None
    found = asked_of.removed(window, np.zeros(5, np.float32))
    assert found == pytest.approx(expected, abs=1e-3)
    assert max(found) > 0.3


def test_every_network_of_the_zoo_is_read_and_one_without_thresholds_has_none(
    tiny_model: Path,
) -> None:
    for file in zoo.released().values():
        described = classifier.load(file).contract
        found = activations.load(file)
        assert (found is not None) == described.family.startswith("drsn"), file
        if found is not None:
            noise = np.random.default_rng(0).standard_normal((1, described.window))
            shares = found.removed(noise.astype(np.float32), np.zeros(5, np.float32))
            assert all(0 <= share <= 1 for share in shares)
    assert activations.load(tiny_model) is None


def test_a_tone_is_at_its_height_in_the_spectrogram_and_at_its_level() -> None:
    picture = Spectrogram(16_000.0, 1600)
    tone = np.sin(2 * np.pi * 3000 * np.arange(6400) / 16_000).astype(np.float32)
    levels = np.frombuffer(picture.spectrogram(tone), np.uint8).reshape(5, BANDS)
    band = int(3000 / 8000 * BANDS)
    assert set(levels.argmax(axis=1)) <= {band - 1, band}
    power_db = levels.max(axis=1) * STEP_DB + FLOOR_DB
    assert np.all(power_db > -12)
    assert np.all(levels[:, band + 10] * STEP_DB + FLOOR_DB < -60)
    wave = picture.waveform(tone)
    assert wave.shape == (5, 2)
    assert wave.min() == pytest.approx(-1, abs=0.05)
