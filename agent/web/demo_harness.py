"""What a demonstration adds to an agent: noise to turn up, a machine to break, a second network."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agent.acquisition.resampling import resample
from agent.core.errors import ConfigError
from agent.core.types import Samples, Source
from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from agent.pipeline.build import OpenSource
from agent.sources import noise
from agent.sources.machine_simulator import Fault
from agent.sources.noise import Cut
from agent.sources.recordings import open_recording
from agent.web.demo_controls import Controls, Noise
from agent.web.demo_machine import SimulatedSource
from agent.web.demo_noise import Draw, Mixture, NoiseMixer
from agent.web.demo_truth import GroundTruthLog

LONGEST_S = 600  # of a background that is kept in memory


@dataclass(frozen=True)
class DemoHarness:
    """`simulated`: the machine is ours to break. `token`: what a browser must know, if anything."""

    rate_hz: float  # the model's
    simulated: bool
    rival: OnnxClassifier | None = None  # scores the same windows, for comparison
    background: Samples | None = None  # [frames] of unit variance at `rate_hz`
    token: str | None = None
    controls: Controls = field(default_factory=Controls)
    truth_log: GroundTruthLog = field(default_factory=GroundTruthLog)

    def open(self, open_source: OpenSource) -> Source:
        """The source with its noise; a simulated machine takes the place of what there was."""
        source = SimulatedSource(self.rate_hz, self._state) if self.simulated else open_source()
        mixture = Mixture(self.controls, self.truth_log, self._noises(), self.simulated)
        return NoiseMixer(source, self.rate_hz, mixture)

    @property
    def kinds(self) -> tuple[Noise, ...]:
        """The noises there are."""
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
    """The second network; `ConfigError` unless it answers the same question of the same window."""
    found = classifier.load(file)
    ours, theirs = model.contract, found.contract
    for what in ("labels", "rate_hz", "window", "channels"):
        if getattr(ours, what) != getattr(theirs, what):
            raise ConfigError(
                f"{file}: {what}: found {getattr(theirs, what)}, expected "
                f"{getattr(ours, what)}, as {ours.name} has it"
            )
    return found


def background(path: Path, rate_hz: float) -> Samples:
    """A recording's first channel [frames] at `rate_hz`, of unit variance; `ConfigError`."""
    opened = open_recording(path)
    if opened.rate_hz is None:
        raise ConfigError(f"{path}: found no sampling rate in the file, expected a sound file")
    samples = opened.read(round(LONGEST_S * opened.rate_hz))[:, 0]
    heard: Samples = resample(samples, opened.rate_hz, rate_hz)
    heard = heard - heard.mean() if len(heard) else heard
    if len(heard) < rate_hz or heard.std() == 0:
        raise ConfigError(f"{path}: found {len(heard) / rate_hz:.1f} s of sound, expected a second")
    even: Samples = (heard / heard.std()).astype(np.float32)
    return even
