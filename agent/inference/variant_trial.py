"""The forms of one model, run in turn on the same windows: how long each takes, and who agrees."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agent.core import bearing
from agent.core.model_contract import Contract
from agent.core.types import Samples
from agent.inference.classifier import OnnxClassifier
from agent.sources.machine_simulator import FAULTS, Machine, Spec
from agent.sources.noise import scale_for

ROUNDS, LONGEST_S = 300, 4.0
SNR_DB = (10.0, 5.0, 0.0, -5.0)
EACH = 4  # windows of each fault and SNR
LEAST_SAME = 0.97  # share of the windows with the same label
MOST_OFF = 0.05  # mean distance of the most distant label's probability
WORTH = 0.9  # of the model's own time: for less nobody changes the file, and timings scatter


@dataclass(frozen=True)
class Outcome:
    """One form against the model file itself."""

    window_us: float  # median
    ratio: float  # to the model's own time, median over the rounds
    same: float  # share of windows with the same label
    off: float  # mean over windows of the largest difference of a probability

    @property
    def agrees(self) -> bool:
        return self.same >= LEAST_SAME and self.off <= MOST_OFF


def run(
    own: OnnxClassifier, forms: Mapping[str, OnnxClassifier], batch: int
) -> tuple[float, dict[str, Outcome]]:
    """Microseconds a window of the model itself, and what there is to say of each other form."""
    samples, running = windows(own.contract)
    said = {name: _answers(each, samples, running) for name, each in forms.items()}
    reference = _answers(own, samples, running)
    taken = _race({"": own, **forms}, samples[:batch], running[:batch])
    found = {
        name: Outcome(
            window_us=statistics.median(taken[name]) / batch,
            ratio=statistics.median(a / b for a, b in zip(taken[name], taken[""], strict=True)),
            same=float(np.mean(answers.argmax(1) == reference.argmax(1))),
            off=float(np.abs(answers - reference).max(1).mean()),
        )
        for name, answers in said.items()
    }
    return statistics.median(taken[""]) / batch, found


def fastest(found: Mapping[str, Outcome]) -> str | None:
    """The form to run; None: the model file itself."""
    fit = {name: each.ratio for name, each in found.items() if each.agrees and each.ratio < WORTH}
    return min(fit, key=fit.__getitem__, default=None)


def windows(contract: Contract) -> tuple[Samples, Samples]:
    """[64, channels, window] of the simulated machine in noise, and what is known of it [64, 5]:
    of every other one nothing."""
    rng, spec = np.random.default_rng(0), Spec(rate_hz=contract.rate_hz)
    shape = (EACH, contract.channels, contract.window)
    drawn = []
    for fault in FAULTS:
        for snr_db in SNR_DB:
            machine = Machine(spec, rng)
            signal = machine.render(int(np.prod(shape)), fault, 1.0).reshape(shape)
            sigma = scale_for(machine.power(fault, 1.0), snr_db)
            drawn.append(signal + sigma * rng.standard_normal(shape))
    samples = np.concatenate(drawn).astype(np.float32)
    running = np.zeros((len(samples), 5), np.float32)
    running[::2] = bearing.running(spec.rpm, spec.bearing.orders)
    return samples, running


def _answers(model: OnnxClassifier, samples: Samples, running: Samples) -> Samples:
    said = model.classify(samples, running)
    return np.array([each.probabilities for each in said], np.float32)


def _race(
    models: Mapping[str, OnnxClassifier], samples: Samples, running: Samples
) -> dict[str, list[float]]:
    """Microseconds of each call; they take turns, so that other load meets all of them.

    In another order each round: what ran just before leaves caches to one and not to another.
    """
    rng, names = np.random.default_rng(0), list(models)
    taken: dict[str, list[float]] = {name: [] for name in models}
    until_s = time.monotonic() + LONGEST_S
    for number in range(ROUNDS):
        for place in rng.permutation(len(names)):
            name = names[place]
            began_ns = time.perf_counter_ns()
            models[name].classify(samples, running)
            taken[name].append((time.perf_counter_ns() - began_ns) / 1000)
        if time.monotonic() > until_s and number > ROUNDS // 10:
            break
    return taken
