"""How much each layer's threshold takes off: read from the network while it works.

Zhao et al., IEEE TII 16(7), 2020: a layer sets what lies within its threshold to zero and moves
the rest towards zero by it. Told is the share of the layer's magnitude that is gone afterwards,
1 - sum|after| / sum|before|. The copy of the network that is asked is the page's own: the one
that decides stays as it is.
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
        self._reads = [each.name for each in session.get_inputs()]
        self._names = [name for each in thresholds for name in (each.before, each.after)]
        self.count = len(thresholds)

    def taken_off(self, samples: Samples, running: Samples) -> list[float]:
        """A share, 0 to 1, for each layer. `samples` [channels, window], `running` [5]."""
        given = {model_contract.INPUT: samples[None], model_contract.RUNNING: running[None]}
        found = self._session.run(self._names, {name: given[name] for name in self._reads})
        sums = [float(np.abs(each).sum()) for each in found]
        return [
            round(1 - after / before, 4) if before else 0.0
            for before, after in zip(sums[::2], sums[1::2], strict=True)
        ]


def load(path: Path) -> Activations | None:
    """The thresholds of the network in that file, which can be served; None where it has none."""
    model = path.read_bytes()
    thresholds = model_graph.thresholds(model)
    if not thresholds:
        return None
    names = [name for each in thresholds for name in (each.before, each.after)]
    return Activations(classifier.session(model_graph.with_outputs(model, names)), thresholds)
