"""An endless stream of training batches: balanced labels and machines, fresh noise."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from agent.acquisition.resampling import resample
from models.data import noise
from models.data.backgrounds import recorded
from models.data.healthy_vibration import HealthyVibration
from models.data.noise import HEALTHY, RECORDED, Draw
from models.data.recipe import Noise, Recipe, RunningInput
from models.data.recordings import Array, Recording
from models.data.simulate import MACHINE

RIPPLES = 6  # cosines over the spectrum that make up a random equalizer


@dataclass(frozen=True)
class Batch:
    """`samples` [batch, channels, window]; `targets` and `snr_db` (inf: clean) [batch].

    `running` [batch, 5]: speeds and bearing orders as in `agent.core.model_contract`.
    """

    samples: Array
    targets: npt.NDArray[np.int64]
    snr_db: Array
    running: Array


def batches(
    recordings: Sequence[Recording], recipe: Recipe, rng: np.random.Generator
) -> Iterator[Batch]:
    """Draws a random label, a machine that has it, one of its recordings and a place in it."""
    grouped, draws = _grouped(recordings), _draws(recordings, recipe)
    vibration = None
    if HEALTHY in recipe.noise.kinds:
        vibration = HealthyVibration(recordings, recipe.normal)
    share = recipe.simulated.share if recipe.simulated else 0.0
    weights = label_shares(recipe)
    while True:
        targets = rng.choice(len(recipe.labels), recipe.batch, p=weights)
        drawn = [_recording(grouped[recipe.labels[t]], share, rng) for t in targets]
        clean = np.stack([_window(recording, recipe.window, rng) for recording in drawn])
        healthy = vibration.draw(drawn, recipe.window, rng) if vibration else None
        coloured, healthy = _equalized(clean, healthy, recipe.colour_db, rng)
        samples, snr_db = noisy(coloured, recipe.noise, rng, draws, healthy)
        running = np.array([recording.running for recording in drawn], np.float32)
        yield Batch(samples, targets, snr_db, degraded(running, recipe.running, rng))


def label_shares(recipe: Recipe) -> npt.NDArray[np.float64]:
    """The share of windows of each label; the normal labels together have `normal_share`."""
    normal = np.isin(recipe.labels, recipe.normal)
    if recipe.normal_share is None or normal.all():
        return np.full(len(normal), 1 / len(normal))
    share = recipe.normal_share
    return np.array([share / normal.sum() if n else (1 - share) / (~normal).sum() for n in normal])


def noisy(
    clean: Array,
    spec: Noise,
    rng: np.random.Generator,
    draws: Mapping[str, Draw] = noise.TRAINING,
    healthy: Array | None = None,
) -> tuple[Array, Array]:
    """Adds noise to windows [batch, channels, window]; a share of them stays clean.

    `healthy` is the noise of that kind, of the windows' shape. Returns the windows and their SNR in
    dB [batch], inf where clean.
    """
    count = len(clean)
    snr_db = np.where(rng.random(count) < spec.clean, np.inf, rng.uniform(*spec.snr_db, count))
    kind = rng.integers(len(spec.kinds), size=count)
    samples = clean.copy()
    for index, name in enumerate(spec.kinds):
        rows = (kind == index) & np.isfinite(snr_db)
        level = np.repeat(snr_db[rows, None], clean.shape[1], axis=1)  # [rows, channels]
        draw = draws[name] if name != HEALTHY or healthy is None else partial(_rows, healthy[rows])
        samples[rows] = noise.add(clean[rows], level.astype(np.float32), draw, rng)
    return samples, snr_db.astype(np.float32)


def _rows(rows: Array, _shape: tuple[int, ...], _rng: np.random.Generator) -> Array:
    return rows


def _equalized(
    clean: Array, healthy: Array | None, gain_db: float, rng: np.random.Generator
) -> tuple[Array, Array | None]:
    """Both, each row of `healthy` through the equalizer of its window."""
    if healthy is None:
        return equalized(clean, gain_db, rng), None
    both = equalized(np.concatenate([clean, healthy], -1), gain_db, rng)
    return both[..., : clean.shape[-1]], both[..., clean.shape[-1] :]


def equalized(samples: Array, gain_db: float, rng: np.random.Generator) -> Array:
    """Each window through its own smooth random equalizer with a standard deviation of `gain_db`.

    Otherwise a network may recognise a rig by its frequency response instead of the fault.
    """
    if gain_db == 0.0:
        return samples
    frames = samples.shape[-1]
    ripple = np.arange(1, RIPPLES + 1)[:, None] * np.linspace(0, np.pi, frames // 2 + 1)
    weight = rng.standard_normal((*samples.shape[:-1], RIPPLES)) * np.sqrt(2 / RIPPLES)
    gain = 10.0 ** (gain_db / 20 * (weight @ np.cos(ripple)))  # [..., frames // 2 + 1]
    spectrum = np.fft.rfft(samples) * gain.astype(np.float32)
    return np.fft.irfft(spectrum, n=frames).astype(np.float32)


def degraded(running: Array, spec: RunningInput, rng: np.random.Generator) -> Array:
    """Speeds and orders [batch, 5] made inexact, without orders, or missing, as `spec` says."""
    result = running.copy()
    count = len(result)
    result[:, 0] *= 1 + rng.uniform(-spec.rpm_off, spec.rpm_off, count)
    result[rng.random(count) < spec.no_orders, 1:] = 0
    result[rng.random(count) < spec.nothing] = 0
    return result


def at_speeds(recordings: Sequence[Recording], speeds: Sequence[float]) -> list[Recording]:
    """Every recording resampled as if its machine had run at those relative speeds."""
    return [_at_speed(recording, speed) for recording in recordings for speed in speeds]


def _at_speed(recording: Recording, speed: float) -> Recording:
    if speed == 1.0:
        return recording
    played = resample(recording.samples.T, speed, 1.0).T
    rpm, bpfo, bpfi, bsf, ftf = recording.running
    samples = np.ascontiguousarray(played, np.float32)
    return replace(recording, samples=samples, running=(rpm * speed, bpfo, bpfi, bsf, ftf))


def _grouped(recordings: Sequence[Recording]) -> dict[str, dict[str, list[Recording]]]:
    """label -> machine -> recordings"""
    grouped: dict[str, dict[str, list[Recording]]] = defaultdict(lambda: defaultdict(list))
    for recording in recordings:
        grouped[recording.label][recording.machine].append(recording)
    return grouped


def _draws(recordings: Sequence[Recording], recipe: Recipe) -> Mapping[str, Draw]:
    """The noises by name; 'recorded' uses the training recordings of the recipe's background."""
    if not recipe.noise.background:
        return noise.TRAINING
    named = [r for r in recordings if r.machine == recipe.noise.background]
    return {**noise.TRAINING, RECORDED: partial(recorded, [r.samples[0] for r in named])}


def _recording(
    by_machine: dict[str, list[Recording]], share: float, rng: np.random.Generator
) -> Recording:
    real = [name for name in by_machine if name != MACHINE]
    simulated = MACHINE in by_machine and (not real or rng.random() < share)
    recordings = by_machine[MACHINE if simulated else real[rng.integers(len(real))]]
    return recordings[rng.integers(len(recordings))]


def _window(recording: Recording, window: int, rng: np.random.Generator) -> Array:
    samples = recording.samples
    start = rng.integers(samples.shape[-1] - window + 1)
    return samples[:, start : start + window]
