"""What a network or a classifier says of a clip, over the last 3 s at each of its ends."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.acquisition import resampling
from agent.core import bearing
from agent.core.bearing import Bearing, Orders
from agent.diagnosis import accumulation
from agent.diagnosis.accumulation import Accumulation
from agent.inference.classifier import OnnxClassifier
from models.experiments.unseen.machines import Clip, Condition

RATE_HZ = 10_000.0  # of the bearing networks
NETWORK_HOP_S = 0.1
Probabilities = npt.NDArray[np.float64]
Signal = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Opinion:
    """What one classifier says of a clip, averaged over the last 3 s, at each end [looks]."""

    name: str
    ends_s: Sequence[float]
    probabilities: Probabilities  # [looks, labels]


def signal(clip: Clip, condition: Condition) -> Signal:
    """Its first channel [frames] at the networks' rate."""
    resampled = resampling.resample(clip.samples, condition.rate_hz, RATE_HZ)
    return np.ascontiguousarray(resampled[:, 0], np.float32)


def orders(condition: Condition) -> Orders:
    """Of the machine's bearing, which must be known."""
    assert condition.bearing is not None
    return Bearing(**condition.bearing).orders  # type: ignore[arg-type]


def cut(signal: Signal, frames: int, hop_s: float) -> tuple[list[float], list[Signal]]:
    """Pieces and where they end; a signal that is shorter than a piece is one."""
    hop, last = round(hop_s * RATE_HZ), max(0, len(signal) - frames)
    pieces = [signal[start : start + frames] for start in range(0, last + 1, hop)]
    return [(at * hop + len(pieces[0])) / RATE_HZ for at in range(len(pieces))], pieces


def windows(
    network: OnnxClassifier, signal: Signal, rpm: float, orders: Orders, hop_s: float
) -> tuple[list[float], Probabilities]:
    """Where the network's windows end, and what it says of each [windows, labels]."""
    ends_s, pieces = cut(signal, network.contract.window, hop_s)
    known = np.tile(np.asarray(bearing.running(rpm, orders), np.float32), (len(pieces), 1))
    predictions = network.classify(np.stack(pieces)[:, None], known)
    return ends_s, np.array([each.probabilities for each in predictions])


def averaged(name: str, hop_s: float, ends_s: Sequence[float], rows: Probabilities) -> Opinion:
    """Over as many looks as 3 s hold; of a clip that is shorter, what all its looks say."""
    looks = 1 + max(0, int((accumulation.SECONDS - ends_s[0]) / hop_s + 1e-9))
    last, averaged = Accumulation(accumulation.SECONDS / looks), []
    for probabilities in rows:
        last.add(probabilities)
        averaged.append(last.probabilities())
    first = min(looks, len(averaged)) - 1
    return Opinion(name, ends_s[first:], np.array(averaged[first:]))
