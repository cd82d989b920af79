"""Runs a model file. The file is the contract (`agent.core.model_contract`).

ONNX Runtime gets one thread that does not spin: its own default keeps cores busy between windows.
"""

import hashlib
import math
import time
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort

from agent.core import model_contract
from agent.core.errors import ConditionError, UserError
from agent.core.model_contract import Contract
from agent.core.types import Classifier, Prediction, Samples

MAX_BATCH = 32


class Serving(Classifier, Protocol):
    """A classifier that serves sources: its file, and the time that it has taken."""

    @property
    def sha256(self) -> str:
        """Of the model file."""

    @property
    def reads_running(self) -> bool: ...

    @property
    def spent_s(self) -> float:
        """Processor time in the network since it was loaded, of this thread alone."""

    @property
    def served(self) -> int:
        """Windows since it was loaded."""


class OnnxClassifier:
    """A network in ONNX Runtime on the CPU. Build it with `load`."""

    def __init__(self, session: ort.InferenceSession, contract: Contract, sha256: str) -> None:
        self.contract = contract
        self.sha256 = sha256
        self.spent_s = 0.0
        self.served = 0
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]
        self.reads_running = len(session.get_inputs()) > 1
        self.estimates_snr = "snr_db" in self._outputs

    def classify(self, samples: Samples, running: Samples | None = None) -> list[Prediction]:
        """A prediction for each window of `samples` float32 [batch, channels, window].

        `running` float32 [batch, 5]: see `agent.core.model_contract`; None: nothing is known.
        """
        inputs = {model_contract.INPUT: samples}
        if self.reads_running:
            unknown = np.zeros((len(samples), model_contract.RUNNING_WIDTH), np.float32)
            inputs[model_contract.RUNNING] = unknown if running is None else running
        predictions: list[Prediction] = []
        began_s = time.thread_time()
        for at in range(0, len(samples), MAX_BATCH):
            part = {name: values[at : at + MAX_BATCH] for name, values in inputs.items()}
            outputs = self._session.run(self._outputs, part)
            predictions += _predictions(dict(zip(self._outputs, outputs, strict=True)))
        self.spent_s += time.thread_time() - began_s
        self.served += len(samples)
        return predictions


def load(path: Path) -> OnnxClassifier:
    """The classifier in that file; `UserError`, one line, for a file that cannot be served."""
    try:
        data = path.read_bytes()
        running = session(data)
    except OSError as error:
        raise ConditionError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's exceptions have no common base
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a model that ONNX Runtime can load: {reason}") from None
    try:
        contract = model_contract.parse(running.get_modelmeta().custom_metadata_map, str(path))
        _check_graph(running, contract, str(path))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: names and metadata: found {error.reason}, expected UTF-8"
        ) from None
    return OnnxClassifier(running, contract, hashlib.sha256(data).hexdigest())


def session(model: bytes) -> ort.InferenceSession:
    """A model file's content, ready to run."""
    return ort.InferenceSession(model, _options(), providers=["CPUExecutionProvider"])


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised; they need not be printed as well
    return options


def _check_graph(session: ort.InferenceSession, contract: Contract, file: str) -> None:
    """Checks names, types and shapes of the graph against its contract, by running it once."""
    inputs = session.get_inputs()
    names, types = [value.name for value in inputs], {value.type for value in inputs}
    both = [model_contract.INPUT, model_contract.RUNNING]
    if names not in (both[:1], both) or types != {"tensor(float)"}:
        raise UserError(
            f"{file}: inputs: found {names}, expected float32 '{model_contract.INPUT}' "
            f"and at most '{model_contract.RUNNING}' beside it"
        )
    expected = [[contract.channels, contract.window], [model_contract.RUNNING_WIDTH]]
    labels = ("[channels, window]", "running")
    for value, dimensions, label in zip(inputs, expected, labels, strict=False):
        if (shape := list(value.shape[1:])) != dimensions:
            raise UserError(f"{file}: input {label}: found {shape}, expected {dimensions}")
    outputs = [output.name for output in session.get_outputs()]
    if model_contract.PROBABILITIES not in outputs:
        raise UserError(
            f"{file}: outputs: found {outputs}, expected '{model_contract.PROBABILITIES}'"
        )
    _try_out(session, contract, file)


def _try_out(session: ort.InferenceSession, contract: Contract, file: str) -> None:
    shape = (2, contract.channels, contract.window)
    chirp = np.sin(np.arange(math.prod(shape)) ** 2 % 6.28)  # numpy.random would cost 3 MiB
    inputs = {model_contract.INPUT: chirp.astype(np.float32).reshape(shape)}
    if len(session.get_inputs()) > 1:
        inputs[model_contract.RUNNING] = np.zeros((2, model_contract.RUNNING_WIDTH), np.float32)
    try:
        (probabilities,) = session.run([model_contract.PROBABILITIES], inputs)
    except Exception as error:  # noqa: BLE001 - as above
        reason = " ".join(str(error).split())
        raise UserError(f"{file}: fails on a batch of two windows: {reason}") from None
    expected = (2, len(contract.labels))
    if probabilities.shape != expected:
        raise UserError(
            f"{file}: probabilities [batch, labels]: found {list(probabilities.shape)}, "
            f"expected {list(expected)} for the labels {', '.join(contract.labels)}"
        )
    if not np.isfinite(probabilities).all() or abs(probabilities.sum(axis=1) - 1).max() > 1e-3:
        first = probabilities[0].tolist()
        raise UserError(f"{file}: probabilities: found {first}, expected a sum of 1")


def _predictions(outputs: dict[str, Samples]) -> list[Prediction]:
    def column(name: str) -> list[float | None]:
        values = outputs.get(name)
        return [None] * rows if values is None else [float(v) for v in values]

    probabilities = outputs[model_contract.PROBABILITIES]
    rows = len(probabilities)
    optional = zip(*(column(name) for name in model_contract.OPTIONAL_OUTPUTS), strict=True)
    return [
        Prediction(tuple(float(p) for p in row), *others)
        for row, others in zip(probabilities, optional, strict=True)
    ]
