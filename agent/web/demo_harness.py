"""What a demo adds to an agent: adjustable noise, a machine to break, a second network."""

from pathlib import Path

import msgspec
import numpy as np

from agent.acquisition.resampling import resample
from agent.core.errors import ConfigError, DataError
from agent.core.types import Samples, Source
from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from agent.pipeline.source_build import OpenSource
from agent.sources import noise
from agent.sources.machine_simulator import Fault
from agent.sources.noise import Cut
from agent.sources.recordings import open_recording
from agent.web.demo_controls import Controls, Noise
from agent.web.demo_machine import SimulatedSource
from agent.web.demo_noise import Draw, Mixture, NoiseMixer
from agent.web.demo_truth import GroundTruthLog

LONGEST_S = 600  # of a background that is kept in memory


class DemoHarness(msgspec.Struct, frozen=True):
    """Wraps the sources of a daemon (`wrap_source`) and is shown by its page."""

    rate_hz: float  # the model's
    simulated: bool  # a simulated machine, which can be broken, replaces the source
    rival: OnnxClassifier | None = None  # scores the same windows, for comparison
    background: Samples | None = None  # [frames] of unit variance at `rate_hz`
    token: str | None = None  # that a browser must send; None: none
    controls: Controls = msgspec.field(default_factory=Controls)
    truth_log: GroundTruthLog = msgspec.field(default_factory=GroundTruthLog)

    def wrap(self, open_source: OpenSource) -> Source:
        """Opens the source, or a simulated machine in its place, and adds noise to it."""
        source = SimulatedSource(self.rate_hz, self._state) if self.simulated else open_source()
        mixture = Mixture(self.controls, self.truth_log, self._noises(), self.simulated)
        return NoiseMixer(source, self.rate_hz, mixture)

    @property
    def kinds(self) -> tuple[Noise, ...]:
        """The kinds of noise that can be added."""
        return noise.KINDS if self.background is None else (*noise.KINDS, "recording")

    def _state(self) -> Fault:
        return self.controls.setting.machine

    def _noises(self) -> dict[Noise, Draw]:
        seeds = np.random.SeedSequence().spawn(len(noise.KINDS))
        draws: dict[Noise, Draw] = {
            kind: Cut(noise.stream(kind, np.random.default_rng(seed)))
            for kind, seed in zip(noise.KINDS, seeds, strict=True)
        }
        if self.background is not None:
            draws["recording"] = Cut(noise.repeat(self.background))
        return draws


def rival(model: OnnxClassifier, file: Path) -> OnnxClassifier:
    """Loads the second network; `ConfigError` unless it has the same windows and labels."""
    second = classifier.load(file)
    first, other = model.contract, second.contract
    for key in ("labels", "rate_hz", "window", "channels"):
        if getattr(first, key) != getattr(other, key):
            raise ConfigError(
                f"{file}: {key}: found {getattr(other, key)}, expected "
                f"{getattr(first, key)}, as {first.name} has it"
            )
    return second


def background(path: Path, rate_hz: float) -> Samples:
    """A recording's first channel [frames] at `rate_hz`, of unit variance; `DataError`."""
    recording = open_recording(path)
    if recording.rate_hz is None:
        raise DataError(f"{path}: found no sampling rate in the file, expected a sound file")
    samples = recording.read(round(LONGEST_S * recording.rate_hz))[:, 0]
    sound: Samples = resample(samples, recording.rate_hz, rate_hz)
    sound = sound - sound.mean() if len(sound) else sound
    if len(sound) < rate_hz or sound.std() == 0:
        raise DataError(f"{path}: found {len(sound) / rate_hz:.1f} s of sound, expected a second")
    normalized: Samples = (sound / sound.std()).astype(np.float32)
    return normalized
