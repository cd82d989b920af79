"""`model: none`: a source is watched by its baseline, its levels and its physics alone.

It stands where a network stands, so that windows, marks, baseline and messages are the same. It
says nothing of a window: its predictions hold no probabilities.
"""

import hashlib

from agent.core.model_contract import NO_NETWORK, SCHEMA, Contract
from agent.core.types import Prediction, Samples

WINDOW_S = 0.4096  # as long as the released networks' windows
LEAST_FRAMES = 256  # of a window: what the baseline's bands need
SHA256 = hashlib.sha256(b"").hexdigest()  # there is no file


class NoNetwork:
    """A `Serving` without a network, for sources of one rate and number of channels."""

    reads_running = False
    spent_s = 0.0
    sha256 = SHA256

    def __init__(self, rate_hz: float, channels: int) -> None:
        self.served = 0
        self.contract = Contract(
            schema=SCHEMA,
            name=NO_NETWORK,
            version="1",
            family=NO_NETWORK,
            labels=("normal",),
            normal=("normal",),
            rate_hz=rate_hz,
            min_rate_hz=0.0,
            window=max(LEAST_FRAMES, round(WINDOW_S * rate_hz)),
            channels=channels,
            unit="any",
            precision="float32",
        )

    def classify(self, samples: Samples, running: Samples | None = None) -> list[Prediction]:
        """A prediction without probabilities for each window of `samples`."""
        self.served += len(samples)
        return [Prediction(())] * len(samples)
