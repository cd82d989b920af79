"""Runs the forms of one model in turn on the same windows: how long each takes, which agree."""

import statistics
import time
from collections.abc import Mapping

import msgspec
import numpy as np

from agent.core import bearing
from agent.core.model_contract import Contract
from agent.core.types import Samples
from agent.inference.classifier import OnnxClassifier
from agent.sources.machine_simulator import FAULTS, Machine, Spec
from agent.sources.noise import scale_for

ROUNDS, LONGEST_S = 300, 4.0
SNR_DB = (10.0, 5.0, 0.0, -5.0)
WINDOWS = 4  # of each fault and SNR
MIN_AGREEMENT = 0.97  # share of the windows with the same label
MAX_ERROR = 0.05  # mean of the largest difference of a probability
MAX_RATIO = 0.9  # to the model's own time: a smaller gain is within the scatter of timings


class Outcome(msgspec.Struct, frozen=True):
    """One form against the model file itself."""

    window_us: float  # median
    ratio: float  # to the model's own time, median over the rounds
    agreement: float  # share of windows with the same label
    error: float  # mean over windows of the largest difference of a probability

    @property
    def agrees(self) -> bool:
        return self.agreement >= MIN_AGREEMENT and self.error <= MAX_ERROR


def run(
    model: OnnxClassifier, forms: Mapping[str, OnnxClassifier], batch: int
) -> tuple[float, dict[str, Outcome]]:
    """Microseconds a window of the model itself, and the outcome of each other form."""
    samples, running = windows(model.contract)
    probabilities = {name: _probabilities(form, samples, running) for name, form in forms.items()}
    reference = _probabilities(model, samples, running)
    taken = _race({"": model, **forms}, samples[:batch], running[:batch])
    outcomes = {
        name: Outcome(
            window_us=statistics.median(taken[name]) / batch,
            ratio=statistics.median(a / b for a, b in zip(taken[name], taken[""], strict=True)),
            agreement=float(np.mean(answer.argmax(1) == reference.argmax(1))),
            error=float(np.abs(answer - reference).max(1).mean()),
        )
        for name, answer in probabilities.items()
    }
    return statistics.median(taken[""]) / batch, outcomes


def fastest(outcomes: Mapping[str, Outcome]) -> str | None:
    """The form to run; None: the model file itself."""
    ratios = {name: outcome.ratio for name, outcome in outcomes.items() if outcome.agrees}
    worthwhile = {name: ratio for name, ratio in ratios.items() if ratio < MAX_RATIO}
    return min(worthwhile, key=worthwhile.__getitem__, default=None)


def windows(contract: Contract) -> tuple[Samples, Samples]:
    """Windows of the simulated machine in noise [64, channels, window], and `running` [64, 5].

    Every other row of `running` is zero: nothing is known of the machine.
    """
    rng, spec = np.random.default_rng(0), Spec(rate_hz=contract.rate_hz)
    shape = (WINDOWS, contract.channels, contract.window)
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


def _probabilities(model: OnnxClassifier, samples: Samples, running: Samples) -> Samples:
    predictions = model.classify(samples, running)
    return np.array([prediction.probabilities for prediction in predictions], np.float32)


def _race(
    models: Mapping[str, OnnxClassifier], samples: Samples, running: Samples
) -> dict[str, list[float]]:
    """Microseconds of each call. The models take turns, so that other load meets all of them.

    The order changes from round to round, so that none always finds the caches of the same other.
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
