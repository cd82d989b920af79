"""A network run as the agent runs it: ONNX Runtime on the CPU, one thread that never spins."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from agent.contract import INPUT, Contract, parse
from models.data import Array

BATCH = 16


@dataclass(frozen=True)
class Session:
    """An .onnx file that is loaded, and its contract."""

    contract: Contract
    runtime: onnxruntime.InferenceSession

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.runtime.get_outputs())

    def run(self, samples: Array, batch: int = BATCH) -> dict[str, Array]:
        """[n, channels, window] -> every output of the graph, [n, ...]."""
        parts = [
            self.runtime.run(None, {INPUT: samples[start : start + batch]})
            for start in range(0, len(samples), batch)
        ]
        columns = zip(*parts, strict=True)
        return {
            name: np.concatenate(column) for name, column in zip(self.outputs, columns, strict=True)
        }


def load(path: Path) -> Session:
    """Raises UserError where the file's contract is none of ours."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    runtime = onnxruntime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    metadata = runtime.get_modelmeta().custom_metadata_map
    return Session(parse(metadata, str(path)), runtime)
