"""What a model file is worth on a folder of recordings, in noise of every kind and level.

The file runs as in the agent, float or INT8. Windows come from the validation side alone, no
recording of which may be in training (`models.data.leakage`). Everything is seeded. Free of torch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.inference.classifier import OnnxClassifier
from models.data import noise as noises
from models.data import recordings as data
from models.data.noise import Draw
from models.data.recordings import Array, Recording
from models.evaluation import metrics
from models.evaluation.metrics import Indices
from models.evaluation.records import SCHEMA, Condition, Evaluation, Figure

LEVELS_DB = tuple(range(-10, 11, 2))
PER_RECORDING = 40


@dataclass(frozen=True)
class Judged:
    """Windows [n, channels, window], their labels' and recordings' indices [n], machines [n, 5]."""

    samples: Array
    targets: Indices
    origins: Indices
    running: Array


def evaluate(
    network: OnnxClassifier,
    recordings: Sequence[Recording],
    recorded: Mapping[str, Draw],
    seed: int,
    hop_s: float,
    tell: Callable[[str], None],
) -> list[Condition]:
    """Every condition in turn: clean, then each noise at each level."""
    judged = _windows(recordings, network.contract.labels, network.contract.window)
    found = []
    for noise, snr_db, samples in _conditions(judged.samples, recorded, seed):
        tell(noise if snr_db is None else f"{noise} {snr_db} dB")
        labels = [recording.label for recording in recordings]
        found.append(_condition(network, judged, samples, labels, noise, snr_db, seed, hop_s))
    return found


def described(
    network: OnnxClassifier,
    name: str,
    split: str,
    recordings: Sequence[Recording],
    conditions: list[Condition],
    seed: int,
    hop_s: float,
) -> Evaluation:
    """The conditions with everything that says what they are of."""
    contract = network.contract
    return Evaluation(
        schema=SCHEMA,
        model={
            "name": contract.name,
            "version": contract.version,
            "family": contract.family,
            "precision": contract.precision,
            "sha256": network.sha256,
        },
        data=name,
        split=split,
        labels=contract.labels,
        recordings={recording.file: recording.label for recording in recordings},
        windows=sum(map(sum, conditions[0].confusion)),
        hop_s=hop_s,
        seed=seed,
        conditions=conditions,
    )


def _windows(recordings: Sequence[Recording], labels: Sequence[str], window: int) -> Judged:
    cut = [data.windows(recording, window, PER_RECORDING) for recording in recordings]
    targets = [labels.index(recording.label) for recording in recordings]
    return Judged(
        np.concatenate(cut),
        np.repeat(targets, PER_RECORDING),
        np.repeat(np.arange(len(recordings)), PER_RECORDING),
        np.repeat(np.array([r.running for r in recordings], np.float32), PER_RECORDING, axis=0),
    )


def _conditions(
    clean: Array, recorded: Mapping[str, Draw], seed: int
) -> Iterator[tuple[str, int | None, Array]]:
    yield "none", None, clean
    kinds = {**noises.PLAIN, **noises.UNSEEN, **recorded}
    for number, (kind, draw) in enumerate(kinds.items()):
        for level in LEVELS_DB:
            rng = np.random.default_rng([seed, number, level - LEVELS_DB[0]])
            yield kind, level, noises.add(clean, level, draw, rng)


def _condition(
    network: OnnxClassifier,
    judged: Judged,
    samples: Array,
    labels: Sequence[str],
    noise: str,
    snr_db: int | None,
    seed: int,
    hop_s: float,
) -> Condition:
    contract = network.contract
    said = network.classify(samples, judged.running)
    probabilities = np.array([prediction.probabilities for prediction in said])
    counts = _per_recording(judged, probabilities.argmax(1), len(contract.labels))
    total, drawn = counts.sum(0), metrics.resampled(counts, labels, seed)
    normal = np.isin(contract.labels, contract.normal)
    per_hour = 3600 / hop_s

    def figure(of: Callable[[Indices], metrics.Figures]) -> Figure:
        return _figure(of, total, drawn)

    return Condition(
        noise=noise,
        snr_db=snr_db,
        macro_f1=figure(metrics.macro_f1),
        recall={
            label: figure(lambda c, i=index: metrics.recall(c)[..., i])  # type: ignore[misc]
            for index, label in enumerate(contract.labels)
        },
        missed_faults=figure(lambda c: metrics.missed(c, normal)),
        false_alarms_per_hour=figure(lambda c: per_hour * metrics.false_alarms(c, normal)),
        calibration_error=round(metrics.calibration_error(probabilities, judged.targets), 5),
        reliability=metrics.reliability(probabilities, judged.targets),
        confusion=total.tolist(),
        shrinkage=_mean([prediction.shrinkage for prediction in said]),
        snr_error_db=_error([prediction.snr_db for prediction in said], snr_db),
    )


def _per_recording(judged: Judged, found: Indices, classes: int) -> Indices:
    """Confusions [recordings, classes, classes]."""
    rows = (judged.origins == origin for origin in range(judged.origins[-1] + 1))
    return np.stack([metrics.confusion(judged.targets[r], found[r], classes) for r in rows])


def _figure(of: Callable[[Indices], metrics.Figures], total: Indices, drawn: Indices) -> Figure:
    value = float(of(total))
    if np.isnan(value):
        return Figure(None, None, None)
    low, high = metrics.interval(of, drawn)
    return Figure(round(value, 5), round(low, 5), round(high, 5))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 5) if known else None


def _error(values: Sequence[float | None], snr_db: int | None) -> float | None:
    known = [value for value in values if value is not None]
    if snr_db is None or not known:
        return None
    return round(float(np.sqrt(np.mean((np.array(known) - snr_db) ** 2))), 3)
