"""How slow may a source be for a network? Simulated faults, resampled to lower and lower rates.

    python -m benchmarks.source_rate [--quick] [MODEL ...]

A row for each rate: the share of windows whose most likely label is the right one, of each
condition of the simulated machine, and the label that most windows of white noise of that rate
get. The signal comes to the network as in the agent: resampled to the model's rate.
"""

import collections

import numpy as np
import numpy.typing as npt
from scipy import signal

from agent.core import bearing
from agent.inference import classifier, zoo
from agent.inference.classifier import OnnxClassifier
from agent.sources.machine_simulator import FAULTS, Fault, Machine, Spec
from benchmarks import options

RATES_HZ = (10_000, 9_000, 8_000, 6_400, 5_000, 3_200, 1_000)
WINDOWS = 30
SEEDS = 3
SNR_DB = 10.0

Signal = npt.NDArray[np.float64]


def main() -> None:
    parser = options.parser("source_rate", __doc__)
    parser.add_argument("models", nargs="*", default=["bearing", "bearing-orders"])
    arguments = parser.parse_args()
    for name in options.first(arguments.models, arguments.quick):
        network = classifier.load(zoo.find(name))
        print(f"{name}: right windows of {SEEDS * WINDOWS} each, and what white noise is called")
        print(f"{'rate_hz':>8} " + " ".join(f"{fault:>7}" for fault in FAULTS) + "  noise")
        for rate_hz in options.first(RATES_HZ, arguments.quick, few=2):
            print(_row(network, rate_hz), flush=True)


def _row(network: OnnxClassifier, rate_hz: int) -> str:
    shares = []
    for fault in FAULTS:
        labels = [
            label for seed in range(SEEDS) for label in _labels(network, rate_hz, seed, fault)
        ]
        shares.append(f"{labels.count(fault) / len(labels):7.0%}")
    noise = np.random.default_rng(0).standard_normal(_frames(network))
    labels = _classified(network, noise[:: round(network.contract.rate_hz / rate_hz)], rate_hz)
    label, count = collections.Counter(labels).most_common(1)[0]
    return f"{rate_hz:8} {' '.join(shares)}  {label} {count / len(labels):.0%}"


def _labels(network: OnnxClassifier, rate_hz: int, seed: int, fault: Fault) -> list[str]:
    rng = np.random.default_rng(seed)
    machine = Machine(Spec(rate_hz=network.contract.rate_hz), rng)
    clean = machine.render(_frames(network), fault, 1.0)
    noise = rng.standard_normal(len(clean)) * np.sqrt(np.mean(clean**2) / 10 ** (SNR_DB / 10))
    slow = signal.resample_poly(clean + noise, rate_hz, round(network.contract.rate_hz))
    return _classified(network, slow, rate_hz)


def _classified(network: OnnxClassifier, slow: Signal, rate_hz: int) -> list[str]:
    contract = network.contract
    at_rate = signal.resample_poly(slow, round(contract.rate_hz), rate_hz)
    count = len(at_rate) // contract.window
    windows = at_rate[: count * contract.window].reshape(count, 1, contract.window)
    running = bearing.running(Spec().rpm, Spec().bearing.orders)
    predictions = network.classify(
        windows.astype(np.float32), np.asarray([running] * count, np.float32)
    )
    return [contract.labels[int(np.argmax(p.probabilities))] for p in predictions]


def _frames(network: OnnxClassifier) -> int:
    return WINDOWS * network.contract.window


if __name__ == "__main__":
    main()
