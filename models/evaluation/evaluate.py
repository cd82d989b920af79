"""Evaluates a model file on a folder of recordings, in noise of every kind and level.

The file runs as in the agent, float or INT8. No recording may be in training as well
(`models.data.leakage`). Everything is seeded. Free of torch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.core.types import Prediction
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
class EvaluationSet:
    """The recordings of one or more splits of a data set."""

    name: str
    split: str
    recordings: Sequence[Recording]


@dataclass(frozen=True)
class Settings:
    """`hop_s` is the agent's, for false alarms an hour; `recorded` has noises by name."""

    seed: int = 0
    hop_s: float = 0.1
    recorded: Mapping[str, Draw] = field(default_factory=dict)


@dataclass(frozen=True)
class Windows:
    """Windows [n, channels, window], the indices of their labels and recordings [n], machines.

    `running` [n, 5] as in `agent.core.model_contract`; `labels` has one label a recording.
    """

    samples: Array
    targets: Indices
    origins: Indices
    running: Array
    labels: Sequence[str]


@dataclass(frozen=True)
class Noisy:
    """The windows' samples under one noise at one level."""

    noise: str
    snr_db: int | None
    samples: Array


def evaluate(
    network: OnnxClassifier,
    dataset: EvaluationSet,
    settings: Settings,
    say: Callable[[str], None],
) -> Evaluation:
    """Evaluates the network in every condition: clean, then each noise at each level."""
    contract = network.contract
    windows = _windows(dataset.recordings, contract.labels, contract.window)
    conditions = []
    for noisy in _noisy(windows.samples, settings):
        say(noisy.noise if noisy.snr_db is None else f"{noisy.noise} {noisy.snr_db} dB")
        conditions.append(_condition(network, windows, noisy, settings))
    return Evaluation(
        schema=SCHEMA,
        model={
            "name": contract.name,
            "version": contract.version,
            "family": contract.family,
            "precision": contract.precision,
            "sha256": network.sha256,
        },
        data=dataset.name,
        split=dataset.split,
        labels=contract.labels,
        recordings={recording.file: recording.label for recording in dataset.recordings},
        windows=len(windows.samples),
        hop_s=settings.hop_s,
        seed=settings.seed,
        conditions=conditions,
    )


def _windows(recordings: Sequence[Recording], labels: Sequence[str], window: int) -> Windows:
    cut = [data.windows(recording, window, PER_RECORDING) for recording in recordings]
    targets = [labels.index(recording.label) for recording in recordings]
    return Windows(
        np.concatenate(cut),
        np.repeat(targets, PER_RECORDING),
        np.repeat(np.arange(len(recordings)), PER_RECORDING),
        np.repeat(np.array([r.running for r in recordings], np.float32), PER_RECORDING, axis=0),
        [recording.label for recording in recordings],
    )


def _noisy(clean: Array, settings: Settings) -> Iterator[Noisy]:
    yield Noisy("none", None, clean)
    kinds = {**noises.PLAIN, **noises.UNSEEN, **settings.recorded}
    for number, (kind, draw) in enumerate(kinds.items()):
        for level in LEVELS_DB:
            rng = np.random.default_rng([settings.seed, number, level - LEVELS_DB[0]])
            yield Noisy(kind, level, noises.add(clean, level, draw, rng))


def _condition(
    network: OnnxClassifier, windows: Windows, noisy: Noisy, settings: Settings
) -> Condition:
    predictions = network.classify(noisy.samples, windows.running)
    probabilities = np.array([prediction.probabilities for prediction in predictions])
    labels = network.contract.labels
    counts = _per_recording(windows, probabilities.argmax(1), len(labels))
    total, drawn = counts.sum(0), metrics.resampled(counts, windows.labels, settings.seed)
    normal = np.isin(labels, network.contract.normal)
    per_hour = 3600 / settings.hop_s

    def figure(of: Callable[[Indices], metrics.Figures]) -> Figure:
        return _figure(of, total, drawn)

    return Condition(
        noise=noisy.noise,
        snr_db=noisy.snr_db,
        macro_f1=figure(metrics.macro_f1),
        recall={label: figure(_recall_of(index)) for index, label in enumerate(labels)},
        missed_faults=figure(lambda c: metrics.missed(c, normal)),
        false_alarms_per_hour=figure(lambda c: per_hour * metrics.false_alarms(c, normal)),
        calibration_error=round(metrics.calibration_error(probabilities, windows.targets), 5),
        reliability=metrics.reliability(probabilities, windows.targets),
        confusion=total.tolist(),
        shrinkage=_shrinkage(predictions),
        snr_error_db=_snr_error_db(predictions, noisy.snr_db),
    )


def _recall_of(index: int) -> Callable[[Indices], metrics.Figures]:
    return lambda counts: metrics.recall(counts)[..., index]


def _per_recording(windows: Windows, labels: Indices, classes: int) -> Indices:
    """Confusions [recordings, classes, classes]."""
    rows = (windows.origins == origin for origin in range(windows.origins[-1] + 1))
    return np.stack([metrics.confusion(windows.targets[r], labels[r], classes) for r in rows])


def _figure(of: Callable[[Indices], metrics.Figures], total: Indices, drawn: Indices) -> Figure:
    value = float(of(total))
    if np.isnan(value):
        return Figure(None, None, None)
    low, high = metrics.interval(of, drawn)
    return Figure(round(value, 5), round(low, 5), round(high, 5))


def _shrinkage(predictions: Sequence[Prediction]) -> float | None:
    """The mean over all windows, where the model reports it."""
    values = [p.shrinkage for p in predictions if p.shrinkage is not None]
    return round(float(np.mean(values)), 5) if values else None


def _snr_error_db(predictions: Sequence[Prediction], snr_db: int | None) -> float | None:
    """Root mean square error of the estimated SNR, where the model estimates it."""
    values = [p.snr_db for p in predictions if p.snr_db is not None]
    if snr_db is None or not values:
        return None
    return round(float(np.sqrt(np.mean((np.array(values) - snr_db) ** 2))), 3)
