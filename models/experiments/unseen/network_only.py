"""The network alone, told speed and bearing: what it says of machines that it has not seen.

No baseline and no lines: its most likely label over 3 s is the decision. So recipes are compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from agent.core.bearing import Orders
from agent.diagnosis import measurements
from agent.inference.classifier import OnnxClassifier
from models.data import noise
from models.experiments.unseen import changes, opinions
from models.experiments.unseen.machines import Clip, Condition
from models.experiments.unseen.opinions import NETWORK_HOP_S, Probabilities
from models.experiments.unseen.rows import HARMONICS, OWN_DB, OWN_VIBRATION, Row, changed
from models.experiments.unseen.runs import ClipResult, WindowResult

RECORDED, WRONG = "as recorded", "told wrong orders, 30 sets"
DEPTH, GAUSSIAN_DB = 0.6, -10.0
SWINGING = f"a level that swings at 1x to 6x of the shaft, depth {DEPTH:g}"
NOISY = f"Gaussian noise at {GAUSSIAN_DB:g} dB"
CONTROL_HOP_S = 0.4  # of wrong orders, which are thirty times as many windows
FACTORS = (1.0, 1.2, 1.4, 1.6, 2.0)  # times the temperature of the validation windows


def measure(network: OnnxClassifier, factor: float, condition: Condition) -> Iterator[Row]:
    """Row after row of one machine; `factor` is that of the network's temperature."""
    labels = network.contract.labels
    hear = partial(_windows, network, condition, opinions.orders(condition), NETWORK_HOP_S)
    result = partial(_result, condition, labels)
    whole = [(clip, *hear(clip)) for clip in (*condition.uncommissioned, *condition.faulty)]
    yield Row(RECORDED, tuple(result(*each) for each in whole))
    for wanted in FACTORS:
        scaled = [
            result(clip, ends_s, _tempered(rows, factor / wanted)) for clip, ends_s, rows in whole
        ]
        yield Row(temperature(wanted), tuple(scaled))
    for name, clips in _disturbed(condition):
        yield Row(name, tuple(result(clip, *hear(clip)) for clip in clips))
    yield Row(WRONG, tuple(_wrong(network, condition)))


def temperature(factor: float) -> str:
    return f"temperature {factor:g} times that of validation windows"


def _windows(
    network: OnnxClassifier, condition: Condition, orders: Orders, hop_s: float, clip: Clip
) -> tuple[list[float], Probabilities]:
    assert clip.rpm is not None
    signal = opinions.signal(clip, condition)
    return opinions.windows(network, signal, clip.rpm, orders, hop_s)


def _disturbed(condition: Condition) -> Iterator[tuple[str, Sequence[Clip]]]:
    swings = [changes.swinging(harmonic, DEPTH) for harmonic in HARMONICS]
    healthy = condition.uncommissioned
    yield SWINGING, [clip for swing in swings for clip in changed(healthy, swing, condition)]
    yield NOISY, changed(condition.faulty, _noisy, condition)
    alone = condition.machine == "cwru"
    if alone or condition.machine in OWN_VIBRATION:
        own = condition.learned[0] if alone else condition.healthy[0]
        for snr_db in OWN_DB:
            name = f"own healthy vibration at {snr_db:g} dB"
            yield name, changed(condition.faulty, changes.own_vibration(own, snr_db), condition)


def _noisy(clip: Clip, condition: Condition) -> Clip:
    rng = np.random.default_rng(list(clip.name.encode()))
    row = noise.add(clip.samples.T, GAUSSIAN_DB, noise.TRAINING["gaussian"], rng)
    return replace(clip, samples=np.ascontiguousarray(row.T))


def _wrong(network: OnnxClassifier, condition: Condition) -> Iterator[ClipResult]:
    frames = round(measurements.SECONDS * condition.rate_hz)
    for clip in condition.faulty:
        beginning = replace(clip, samples=clip.samples[:frames])
        for wrong in changes.wrong_orders(opinions.orders(condition)):
            looks = _windows(network, condition, wrong, CONTROL_HOP_S, beginning)
            yield _result(condition, network.contract.labels, clip, *looks, CONTROL_HOP_S)


def _tempered(rows: Probabilities, power: float) -> Probabilities:
    scaled: Probabilities = np.maximum(rows, 1e-12) ** power
    scaled /= scaled.sum(1, keepdims=True)
    return scaled


def _result(
    condition: Condition,
    labels: Sequence[str],
    clip: Clip,
    ends_s: Sequence[float],
    rows: Probabilities,
    hop_s: float = NETWORK_HOP_S,
) -> ClipResult:
    """The decision is that of 3 s, `network` and `probability` are those of the window."""
    opinion = opinions.averaged("", hop_s, ends_s, rows)
    states = [labels[int(row.argmax())] for row in opinion.probabilities]
    waiting = [""] * (len(rows) - len(states))
    windows = []
    for end_s, row, state in zip(ends_s, rows, waiting + states, strict=True):
        label = labels[int(row.argmax())]
        decision = "abstain" if not state else "normal" if state == "normal" else "fault"
        windows.append(WindowResult(end_s, decision, state, label, float(row.max()), None, None))
    return ClipResult(condition.machine, condition.name, clip.name, clip.label, tuple(windows))
