"""What is exported answers as the network does, and the same at every batch size."""

import functools
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

torch = pytest.importorskip("torch")

from agent.core.errors import UserError  # noqa: E402
from agent.inference import classifier  # noqa: E402 (torch may be missing)
from models.data import simulate, validation  # noqa: E402
from models.data.batches import Batch, degraded  # noqa: E402
from models.data.recipe import (  # noqa: E402
    Recipe,
    RunningInput,
    Source,
)
from models.export.onnx_export import ExportedNetwork, contract_of, export, write  # noqa: E402
from models.export.quantize import along_time, quantize  # noqa: E402
from models.export.weight_compression import compact, is_basis  # noqa: E402
from models.networks import cost  # noqa: E402
from models.networks.dimensions import Dimensions  # noqa: E402
from models.networks.distance import typical_features  # noqa: E402
from models.networks.mel_resnet import LogMel  # noqa: E402
from models.networks.names import READ_RUNNING  # noqa: E402
from models.networks.registry import FAMILIES, build  # noqa: E402
from models.networks.spectra import SEGMENT, Spectrum, Welch  # noqa: E402
from models.networks.standardize import standardize  # noqa: E402
from models.training.calibrate import SnrLine, features, snr_line, temperature  # noqa: E402
from models.training.checkpoint import Checkpoint, untrained  # noqa: E402

pytestmark = pytest.mark.timeout(300)  # networks are trained or exported

TEN = Dimensions(1, 2048, 10, 10_000)
BATCHES = (1, 2, 3, 7, 16, 32)
ENVELOPES = ("drsn-env", "se-env", "res-env")
NETWORKS = [(family, "deploy") for family in FAMILIES]
NETWORKS += [("drsn-cw", "paper"), ("drsn-env", "small")]


def recipe(family: str = "drsn-cw", preset: str = "deploy") -> Recipe:
    return Recipe(
        name="test",
        labels=("normal", "inner", "outer", "ball"),
        normal=("normal",),
        rate_hz=10_000,
        window=1024,
        family=family,
        preset=preset,
        data=(Source("none"),),
    )


def checkpoint(family: str = "drsn-cw", preset: str = "deploy") -> Checkpoint:
    """A network whose batch norms have seen data, as after training."""
    torch.manual_seed(0)
    made = recipe(family, preset)
    network = untrained(made).train()
    for _ in range(3):
        _, alphas = network(standardize(torch.randn(16, 1, 1024)))
    width = alphas.shape[1]
    snr = SnrLine((0.01,) * width, 1.0) if width else None
    known = drawn(64)
    seen = features(network.eval(), known.samples, known.running).numpy()
    return Checkpoint(made, network, 1.5, snr, typical_features(seen, known.targets), 0.25)


def drawn(count: int = 32) -> Batch:
    """Simulated windows, some noisy, of machines of which something is known or nothing."""
    made = simulate.default(1, 1.0, 5, 10_000.0)
    clean = validation.labelled(made, recipe())
    noisy, snr_db = validation.in_noise(clean, recipe())
    some = slice(None, None, max(1, len(noisy.samples) // count))
    running = degraded(noisy.running, RunningInput(nothing=0.3), np.random.default_rng(0))
    return Batch(
        noisy.samples[some][:count],
        noisy.targets[some][:count],
        snr_db[some][:count],
        running[some][:count],
    )


Exported = Callable[..., tuple[Checkpoint, Path]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Exports a network at its first use: its checkpoint and the float file."""
    folder = tmp_path_factory.mktemp("exported")

    @functools.cache
    def network(family: str = "drsn-cw", preset: str = "deploy") -> tuple[Checkpoint, Path]:
        saved, path = checkpoint(family, preset), folder / f"{family}-{preset}.onnx"
        export(saved, path, contract_of(saved))
        return saved, path

    return network


def answers(network: classifier.OnnxClassifier, windows: Batch, batch: int) -> list[object]:
    starts = range(0, len(windows.samples), batch)
    parts = [slice(start, start + batch) for start in starts]
    x, running = windows.samples, windows.running
    return [p for part in parts for p in network.classify(x[part], running[part])]


@pytest.mark.parametrize(("family", "preset"), NETWORKS)
def test_the_exported_file_answers_as_torch_does(
    family: str, preset: str, exported: Exported
) -> None:
    saved, path = exported(family, preset)
    network = classifier.load(path)
    windows = drawn()
    with torch.inference_mode():
        given = (torch.from_numpy(windows.samples), torch.from_numpy(windows.running))
        expected = ExportedNetwork(saved).eval()(*given)
    found = network.classify(windows.samples, windows.running)
    assert network.reads_running == (family in READ_RUNNING)
    probabilities = np.array([prediction.probabilities for prediction in found])
    assert np.abs(probabilities - expected[0].numpy()).max() <= 1e-5
    if saved.snr:
        shrinkage = np.array([prediction.shrinkage for prediction in found])
        snr_db = np.array([prediction.snr_db for prediction in found])
        assert np.abs(shrinkage - expected[1].numpy()).max() <= 1e-5
        assert np.abs(snr_db - expected[2].numpy()).max() <= 1e-4
    distance = np.array([prediction.distance for prediction in found])
    assert distance == pytest.approx(expected[-1].numpy(), abs=1e-5)
    assert network.contract.max_distance == 0.25
    assert answers(network, windows, 1) == answers(network, windows, 32)


@pytest.mark.parametrize("family", ["drsn-cw", "drsn-env", "drsn-order", "drsn-twin", "wdcnn"])
def test_int8_answers_the_same_to_the_bit_at_every_batch_size(
    family: str, exported: Exported, tmp_path: Path
) -> None:
    saved, path = exported(family)
    contract = msgspec.structs.replace(contract_of(saved), precision="int8")
    quantize(path, tmp_path / "int8.onnx", drawn(), contract)
    network = classifier.load(tmp_path / "int8.onnx")
    assert network.contract.precision == "int8"
    windows = drawn(33)
    alone = answers(network, windows, 1)
    assert all(answers(network, windows, batch) == alone for batch in BATCHES)
    assert (tmp_path / "int8.onnx").stat().st_size < path.stat().st_size


def test_a_file_holds_neither_bases_nor_pooled_weights_in_float_and_answers_as_if_it_did(
    exported: Exported, tmp_path: Path
) -> None:
    saved, path = exported("drsn-twin")
    model = onnx.load(path)
    shorter = compact(model)
    write(shorter, tmp_path / "compact.onnx", contract_of(saved))
    for convolution in (node for node in shorter.graph.node if node.op_type == "Conv"):
        for held in shorter.graph.initializer:
            assert held.name != convolution.input[1] or len(held.raw_data) <= 1024
    assert {"Cos", "Sin"} <= {node.op_type for node in shorter.graph.node}
    files = (path, tmp_path / "compact.onnx")
    assert files[1].stat().st_size < files[0].stat().st_size / 4
    windows = drawn(64)
    predictions = [
        classifier.load(file).classify(windows.samples, windows.running) for file in files
    ]
    for one, other in zip(*predictions, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=0.01)
        assert one.distance == pytest.approx(other.distance, abs=0.001)
        assert one.snr_db == pytest.approx(other.snr_db, abs=0.1)


def test_only_a_fourier_basis_is_taken_for_one() -> None:
    for basis in (Welch(), Spectrum(200), LogMel(32, 8000.0).waves, LogMel(32, 22_050.0).waves):
        weights = basis.weight.detach().numpy()
        assert is_basis(weights)
        weights[3, 0, 0, 5] += 0.01
        assert not is_basis(weights)
        assert not is_basis(weights[:-2])
    assert not is_basis(np.random.default_rng(0).standard_normal((64, 1, 1, 64), np.float32))


def test_weights_alone_are_int8_and_answer_nearly_as_float(
    exported: Exported, tmp_path: Path
) -> None:
    saved, path = exported("drsn-cw")
    model = onnx.load(path)
    fewer = compact(model)
    write(fewer, tmp_path / "weights.onnx", contract_of(saved))
    held = {each.name: each.data_type for each in fewer.graph.initializer}
    for name in (node.input[1] for node in model.graph.node if along_time(node)):
        assert held[f"{name}/int8"] == onnx.TensorProto.INT8
    windows = drawn(64)
    net, weights = (
        np.array([p.probabilities for p in classifier.load(file).classify(windows.samples)])
        for file in (path, tmp_path / "weights.onnx")
    )
    assert 0 < np.abs(weights - net).max() < 0.05


@pytest.mark.parametrize(
    ("largest", "scale", "bits"),
    [(4.0, 1.0, "int8"), (40.0, 1.0, "half"), (40.0, 1e-7, None), (40.0, 1e5, None)],
)
def test_weights_take_as_many_bits_as_keep_them_within_a_hundredth(
    largest: float, scale: float, bits: str | None
) -> None:
    weights = np.random.default_rng(0).standard_normal((2, 1000, 1, 1)).clip(-3, 3)
    weights[:, 0] = largest
    found = compact(convolution((weights * scale).astype(np.float32)))
    names = {each.name for each in found.graph.initializer}
    assert names & {"w", "w/int8", "w/half"} == {"w" if bits is None else f"w/{bits}"}
    session = classifier.session(found.SerializeToString())
    (sums,) = session.run(None, {"x": np.eye(1000, dtype=np.float32)[:, :, None, None]})
    off = sums[:, :, 0, 0].T - weights[:, :, 0, 0] * scale
    assert np.sqrt(np.mean(off**2)) <= 0.0101 * np.sqrt(np.mean((weights * scale) ** 2))


def convolution(weights: np.ndarray) -> onnx.ModelProto:
    """One, of weights `w` [channels, features, 1, 1]."""
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", *weights.shape[1:]])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "one", [x], [y], [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_gain_and_offset_of_the_sensor_change_nothing(exported: Exported) -> None:
    network = classifier.load(exported()[1])
    windows = drawn(8).samples
    plain = np.array([p.probabilities for p in network.classify(windows)])
    for gain, offset in ((1e-6, 0.0), (1e4, 0.0), (1.0, 5.0)):
        moved = np.float32(gain) * windows + np.float32(offset)
        found = np.array([p.probabilities for p in network.classify(moved)])
        assert np.abs(found - plain).max() < 1e-4
    flat = network.classify(np.ones((1, 1, 1024), np.float32))
    assert np.isfinite(flat[0].probabilities).all()


@pytest.mark.parametrize(
    ("family", "parameters"), [("drsn-cw", 11_256), ("drsn-cs", 9_924), ("resnet", 8_120)]
)
def test_the_paper_preset_has_the_papers_size(family: str, parameters: int) -> None:
    network = build(family, "paper", Dimensions(1, 2048, 4, 10_000))
    assert cost.parameters(network) == parameters
    assert 1.1e6 < cost.macs(network, 1, 2048) < 1.5e6


def test_a_spectrum_costs_what_its_transform_multiplies() -> None:
    frames, bands = 255, 8
    made = Spectrum(frames)
    waves = bands * 2 * made.bins * frames  # a cosine and a sine a bin, before they are squared
    assert cost.macs(made, bands, 1, frames) == waves
    segments = 1 + (4096 - SEGMENT) // (SEGMENT // 2)
    assert cost.macs(Welch(), 1, 4096) == SEGMENT * SEGMENT * segments


def test_wdcnn_small_is_the_published_network_and_costs_what_others_do() -> None:
    network = build("wdcnn", "small", TEN)
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == [16, 32, 64, 64, 64, 100, 10]
    assert (layers[0].kernel_size, layers[0].stride) == ((1, 64), (1, 16))
    others = [cost.macs(build(f, "small", TEN), 1, 2048) for f in ("resnet", "drsn-env")]
    assert 0.9 * min(others) <= cost.macs(network, 1, 2048) <= max(others)


def test_gates_of_the_envelope_network_change_nothing_but_the_gate() -> None:
    built = {
        family: build(family, "deploy", Dimensions(1, 2048, 4, 10_000)) for family in ENVELOPES
    }
    names = {f: {n for n, _ in made.named_parameters()} for f, made in built.items()}
    assert names["drsn-env"] == names["se-env"]
    gate = {name for name in names["drsn-env"] if name.startswith("attention")}
    assert names["drsn-env"] - names["res-env"] == gate
    _, alphas = built["drsn-env"].eval()(standardize(torch.randn(4, 1, 2048)))
    assert alphas.shape == (4, 16)
    assert bool(((alphas > 0.3) & (alphas < 0.7)).all())
    assert built["se-env"].eval()(torch.randn(4, 1, 2048))[1].shape == (4, 0)


def test_the_spectrum_is_that_of_a_fourier_transform() -> None:
    x = torch.randn(3, 4, 1, 128)
    expected = torch.fft.rfft(x, norm="ortho").abs()[..., 1:] ** 2
    assert torch.allclose(Spectrum(128)(x), expected, atol=1e-5)


def test_alphas_start_where_the_preset_says() -> None:
    for preset, start in (("paper", 0.5), ("deploy", 0.05)):
        torch.manual_seed(0)
        network = build("drsn-cw", preset, Dimensions(1, 2048, 4, 10_000)).eval()
        _, alphas = network(standardize(torch.randn(4, 1, 2048)))
        assert abs(float(alphas.mean()) - start) < 0.1 * start + 0.05


def test_an_unknown_family_preset_or_window_is_refused() -> None:
    for wrong in (
        *(("cnn", "deploy", 2048), ("resnet", "big", 2048), ("resnet", "deploy", 8)),
        *(("drsn-env", "paper", 2048), ("drsn-env", "deploy", 8)),
        *(("wdcnn", "big", 2048), ("wdcnn", "deploy", 511)),
    ):
        with pytest.raises(UserError, match="expected"):
            build(wrong[0], wrong[1], Dimensions(1, wrong[2], 4, 10_000))


def test_temperature_and_snr_are_recovered_from_data_that_have_them() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 4, generator=generator) * 2
    drawn = torch.multinomial(torch.softmax(logits, 1), 1, generator=generator)[:, 0]
    assert temperature(logits * 3, drawn) == pytest.approx(3.0, rel=0.1)
    alphas = torch.rand(500, 3, generator=generator)
    snr_db = (alphas @ torch.tensor([4.0, -2.0, 0.0]) + 1).numpy()
    line = snr_line(alphas, snr_db)
    assert line is not None
    assert np.abs(alphas.numpy() @ np.array(line.weight) + line.bias - snr_db).max() < 0.05
    assert snr_line(torch.zeros(5, 0), snr_db[:5]) is None
