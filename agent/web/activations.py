"""The share of the signal that each layer's threshold removes, read from the running network.

Zhao et al., IEEE TII 16(7), 2020: a layer sets the values within its threshold to zero and moves
the others towards zero by it. The share is that of the layer's magnitude that is gone afterwards,
1 - sum|after| / sum|before|. The page runs its own copy of the network, so that the one that
decides stays unchanged.
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from agent.core import model_contract
from agent.core.types import Samples
from agent.inference import classifier
from agent.web import model_graph


class Activations:
    """A network's thresholds, in the order in which the signal meets them. Build it with `load`."""

    def __init__(
        self, session: ort.InferenceSession, thresholds: list[model_graph.Threshold]
    ) -> None:
        self._session = session
        self._reads = [tensor.name for tensor in session.get_inputs()]
        self._names = _tensor_names(thresholds)
        self.count = len(thresholds)

    def removed(self, samples: Samples, running: Samples) -> list[float]:
        """A share, 0 to 1, for each layer. `samples` [channels, window], `running` [5]."""
        inputs = {model_contract.INPUT: samples[None], model_contract.RUNNING: running[None]}
        maps = self._session.run(self._names, {name: inputs[name] for name in self._reads})
        sums = [float(np.abs(feature_map).sum()) for feature_map in maps]
        return [
            round(1 - after / before, 4) if before else 0.0
            for before, after in zip(sums[::2], sums[1::2], strict=True)
        ]


def load(path: Path) -> Activations | None:
    """The thresholds of the network in that file; None where it has none."""
    model = path.read_bytes()
    thresholds = model_graph.thresholds(model)
    if not thresholds:
        return None
    names = _tensor_names(thresholds)
    return Activations(classifier.session(model_graph.with_outputs(model, names)), thresholds)


def _tensor_names(thresholds: list[model_graph.Threshold]) -> list[str]:
    """Of the feature maps before and after each threshold, in turn."""
    return [name for threshold in thresholds for name in (threshold.before, threshold.after)]
