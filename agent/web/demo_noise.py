"""Mixes noise into a live source at a given SNR, at the rate of the model.

The signal is resampled to the model's rate first: otherwise the resampler would remove a part of
the noise. The SNR refers to the level of the active blocks of the last seconds, those within
15.9 dB of the loudest (the margin of ITU-T P.56), so that pauses between words do not lower the
noise. A machine has no pauses, and a shorter time is used for it.

The mixed source has no full scale: signal and noise together may exceed that of the converter,
which is no fault.
"""

import collections
from collections.abc import Callable

import msgspec
import numpy as np

from agent.acquisition.resampling import Resampler
from agent.core.types import Block, Samples, Source
from agent.sources.noise import scale_for
from agent.web.demo_controls import Controls, Noise
from agent.web.demo_truth import GroundTruthLog, Stretch, moments

LEVEL_S = {True: 0.5, False: 8.0}  # of a simulated machine, of other sources
MARGIN_DB = 15.9

Draw = Callable[[int], Samples]


class Mixture(msgspec.Struct, frozen=True):
    """What is mixed into a source, and the log of it."""

    controls: Controls
    truth_log: GroundTruthLog
    noises: dict[Noise, Draw]  # each draws frames of unit variance at the rate of the mixture
    simulated: bool  # the source is a simulated machine


class NoiseMixer:
    """A source that adds noise to another one."""

    def __init__(self, source: Source, rate_hz: float, mixture: Mixture) -> None:
        """`rate_hz` is that of the mixture."""
        self.format = msgspec.structs.replace(source.format, rate_hz=rate_hz, full_scale=None)
        self._source = source
        self._resampler = Resampler(source.format.rate_hz, rate_hz, source.format.channels)
        self._mixture = mixture
        self._first = mixture.truth_log.end  # index of the next frame
        self._powers: collections.deque[tuple[int, float]] = collections.deque()  # (frames, power)
        self._ended = False

    def read(self) -> Block | None:
        block = None if self._ended else self._source.read()
        if block is None:
            return self._rest()
        lost = round(block.lost * self._resampler.ratio)
        self._first += lost
        marks = np.zeros(len(block.samples), np.uint8)
        samples, _ = self._resampler.push(block.samples, marks)
        return Block(self._mix(samples), lost)

    def close(self) -> None:
        self._source.close()

    def _rest(self) -> Block | None:
        """The rest of the signal in the resampling filter, once."""
        if self._ended:
            return None
        self._ended = True
        return Block(self._mix(self._resampler.flush()[0]))

    def _mix(self, samples: Samples) -> Samples:
        if not len(samples):
            return samples
        setting = self._mixture.controls.setting
        level = self._level(len(samples), float(samples.var(axis=0).mean()))
        added = np.zeros(len(samples), np.float32)
        draw = self._mixture.noises.get(setting.noise)
        if setting.snr_db is not None and draw is not None:
            added = scale_for(level, setting.snr_db) * draw(len(samples))
        machine = setting.machine if self._mixture.simulated else None
        self._mixture.truth_log.note(
            Stretch(
                first=self._first,
                frames=len(samples),
                signal=moments(samples),
                noise=moments(added),
                version=setting.version,
                machine=machine,
            )
        )
        self._first += len(samples)
        return (samples + added[:, None]).astype(np.float32)

    def _level(self, frames: int, power: float) -> float:
        """The mean power of the active blocks of the last seconds."""
        self._powers.append((frames, power))
        longest = LEVEL_S[self._mixture.simulated] * self.format.rate_hz
        while len(self._powers) > 1 and sum(f for f, _ in self._powers) > longest:
            self._powers.popleft()
        least = max(p for _, p in self._powers) * 10 ** (-MARGIN_DB / 10)
        active = [(f, p) for f, p in self._powers if p >= least]
        return sum(f * p for f, p in active) / sum(f for f, _ in active)
