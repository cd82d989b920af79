"""The same networks in other engines, one thread each: what runs windows, or why it cannot.

An exported module has the released network's layers and untrained weights: time does not depend
on them. Its outputs are the probabilities and nothing else, which is less than ours gives.
"""

import contextlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from agent.core.model_contract import INPUT, RUNNING
from agent.core.types import Samples
from agent.inference import classifier, variant_files, variant_trial, zoo
from agent.inference.classifier import OnnxClassifier

Run = Callable[[Samples, Samples], object]
ZOO = Path(zoo.find("bearing")).parent


class MissingError(Exception):
    """An engine is not here, or cannot take this network; the text says why."""


@dataclass(frozen=True)
class Network:
    name: str
    ours: OnnxClassifier
    samples: Samples  # [64, channels, window]
    running: Samples
    folder: Path  # for files made on the way

    @property
    def reads(self) -> list[str]:
        return [INPUT, RUNNING] if self.ours.reads_running else [INPUT]

    def inputs(self, samples: Samples, running: Samples) -> dict[str, Samples]:
        both = {INPUT: samples, RUNNING: running}
        return {name: both[name] for name in self.reads}

    def form(self, name: str) -> Path:
        own = zoo.find(self.name)
        return own if name == "int8" else variant_files.existing(own)[name]


@contextmanager
def network(name: str) -> Iterator[Network]:
    ours = classifier.load(zoo.find(name))
    samples, running = variant_trial.windows(ours.contract)
    with tempfile.TemporaryDirectory() as folder:
        yield Network(name, ours, samples, running, Path(folder))


def ours(network: Network, form: str) -> Run:
    return classifier.load(network.form(form)).classify


def stock(network: Network) -> Run:
    """`torch.onnx.export` of the module and a session, with their defaults but for threads."""
    return _session(network, _exported(network))


def stock_dynamic(network: Network) -> Run:
    """`quantize_dynamic` of that, with its defaults."""
    from onnxruntime.quantization import quantize_dynamic

    out = network.folder / "dynamic.onnx"
    quantize_dynamic(_exported(network), out)
    return _session(network, out)


def stock_static(network: Network) -> Run:
    """`quantize_static` of that, with its defaults; calibrated on 64 simulated windows."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            whole = zip(network.samples, network.running, strict=True)
            self._windows = iter([network.inputs(s[None], r[None]) for s, r in whole])

        def get_next(self) -> dict[str, Samples] | None:
            return next(self._windows, None)

    out = network.folder / "static.onnx"
    quantize_static(_exported(network), out, Reader())
    return _session(network, out)


def openvino(network: Network, form: str) -> Run:
    """Reads our files as they are; its own defaults but for threads."""
    if importlib.util.find_spec("openvino") is None:
        raise MissingError("openvino is not installed: pip install '.[bench]'")
    from openvino import Core

    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    compiled = Core().compile_model(str(network.form(form)), "CPU", settings)
    return lambda samples, running: compiled(network.inputs(samples, running))


def litert(network: Network) -> Run:
    """By way of litert-torch, which brings TensorFlow's converter."""
    if importlib.util.find_spec("litert_torch") is None:
        raise MissingError("litert-torch is not installed: make bench BENCH=bench,litert")
    import litert_torch
    import torch

    made: dict[int, Run] = {}  # a file has one batch size

    def run(samples: Samples, running: Samples) -> object:
        if len(samples) not in made:
            example = [torch.from_numpy(v) for v in network.inputs(samples, running).values()]
            path = network.folder / f"{len(samples)}.tflite"
            with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
                litert_torch.convert(_module(network), tuple(example)).export(str(path))
            made[len(samples)] = _interpreter(network, path)
        return made[len(samples)](samples, running)

    return run


def torch_eager(network: Network) -> Run:
    return _torch(network, _module(network))


def torch_jit(network: Network) -> Run:
    """Traced, frozen, and optimized for inference."""
    import torch

    example = network.inputs(network.samples[:2], network.running[:2])
    inputs = tuple(map(torch.from_numpy, example.values()))
    traced = torch.jit.trace(_module(network), inputs)  # type: ignore[no-untyped-call]
    return _torch(network, torch.jit.optimize_for_inference(torch.jit.freeze(traced)))


def torch_compile(network: Network) -> Run:
    """Inductor, by g++; compiled anew for each batch size."""
    import torch

    return _torch(network, torch.compile(_module(network), dynamic=False))


def _torch(network: Network, module: Callable[..., object]) -> Run:
    import torch

    torch.set_num_threads(1)

    def run(samples: Samples, running: Samples) -> object:
        with torch.inference_mode():
            values = network.inputs(samples, running).values()
            return module(*map(torch.from_numpy, values))

    return run


def _module(network: Network) -> Any:  # a torch module: torch may be missing
    if importlib.util.find_spec("torch") is None:
        raise MissingError("torch is not installed: pip install '.[train]'")
    import torch

    from models.data import recipe as recipes
    from models.export.onnx_export import ExportedNetwork
    from models.training.checkpoint import Checkpoint, untrained

    torch.manual_seed(0)
    made = recipes.load(ZOO / f"{network.name}.yaml")
    return ExportedNetwork(Checkpoint(made, untrained(made).eval(), 1.0, None)).eval()


def _exported(network: Network) -> Path:
    """As the exporter has it by default, but for a batch of any size."""
    import torch

    from models.export.onnx_export import MAX_BATCH

    path = network.folder / "stock.onnx"
    if path.is_file():
        return path
    example = network.inputs(network.samples[:2], network.running[:2])
    torch.onnx.export(
        _module(network),
        tuple(map(torch.from_numpy, example.values())),
        path,
        input_names=list(example),
        dynamic_shapes=({0: torch.export.Dim("batch", max=MAX_BATCH)},) * len(example),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    return path


def _session(network: Network, path: Path) -> Run:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda samples, running: session.run(None, network.inputs(samples, running))


def _interpreter(network: Network, path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    reader = Interpreter(model_path=str(path), num_threads=1)
    reader.allocate_tensors()
    places = [detail["index"] for detail in reader.get_input_details()]
    answer = reader.get_output_details()[0]["index"]

    def run(samples: Samples, running: Samples) -> object:
        values = network.inputs(samples, running).values()
        for place, array in zip(places, values, strict=True):
            reader.set_tensor(place, np.ascontiguousarray(array))
        reader.invoke()
        return reader.get_tensor(answer)

    return run
