"""A simulated machine (`agent.sources.machine_simulator`) in noise, following a scenario."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.annotated import LongSeconds, Rpm
from agent.core.types import Block, Format
from agent.sources import noise
from agent.sources.machine_simulator import Fault, Machine, Spec
from agent.sources.noise import Kind as NoiseKind
from agent.sources.pacing import Pacing

STEP_S = 0.05  # severity and SNR change from step to step

Severity = Annotated[float, msgspec.Meta(ge=0, le=10)]
Snr = Annotated[float, msgspec.Meta(ge=-60, le=120)]


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the scenario; a pair of values is interpolated linearly over its duration."""

    duration_s: LongSeconds
    fault: Fault = "normal"
    severity: tuple[Severity, Severity] = (1.0, 1.0)
    snr_db: tuple[Snr, Snr] = (10.0, 10.0)
    noise: NoiseKind = "gaussian"


DEVELOPING_FAULT = (
    Phase(duration_s=12.0),
    Phase(duration_s=12.0, snr_db=(10.0, 0.0)),
    Phase(duration_s=12.0, fault="outer", severity=(0.2, 1.0), snr_db=(5.0, 5.0)),
    Phase(duration_s=12.0, fault="outer", snr_db=(5.0, -5.0)),
    Phase(duration_s=12.0, snr_db=(5.0, 5.0)),
)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: synth`."""

    pace: Literal["realtime", "fast"] = "realtime"
    rate_hz: Annotated[float, msgspec.Meta(ge=1000, le=1e6)] = 10_000.0
    rpm: Rpm = 1797.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    repeat: bool = False
    scenario: Annotated[tuple[Phase, ...], msgspec.Meta(min_length=1)] = DEVELOPING_FAULT


class SynthSource:
    """Renders the scenario step by step; the same seed gives the same signal."""

    def __init__(self, options: Options) -> None:
        self.format = Format(options.rate_hz, 1, patient=options.pace == "fast")
        self._pacing = Pacing(options.rate_hz) if options.pace == "realtime" else None
        self._frames = round(STEP_S * options.rate_hz)
        self._steps = _render(options, self._frames)

    def read(self) -> Block | None:
        if self._pacing is not None and not self._pacing.ready(self._frames):
            return Block(np.zeros((0, 1), np.float32))
        step = next(self._steps, None)
        return None if step is None else Block(step.astype(np.float32)[:, None])

    def close(self) -> None:
        self._steps = iter(())


def open_source(options: Options) -> SynthSource:
    return SynthSource(options)


def _render(options: Options, frames: int) -> Iterator[npt.NDArray[np.float64]]:
    machine_seed, *noise_seeds = np.random.SeedSequence(options.seed).spawn(1 + len(noise.KINDS))
    machine = Machine(
        Spec(rate_hz=options.rate_hz, rpm=options.rpm), np.random.default_rng(machine_seed)
    )
    noises = {
        kind: noise.Cut(noise.stream(kind, np.random.default_rng(seed)))
        for kind, seed in zip(noise.KINDS, noise_seeds, strict=True)
    }
    for phase, done in _steps(options):
        severity = _interpolate(phase.severity, done)
        sigma = noise.scale_for(
            machine.power(phase.fault, severity), _interpolate(phase.snr_db, done)
        )
        yield machine.render(frames, phase.fault, severity) + sigma * noises[phase.noise](frames)


def _steps(options: Options) -> Iterator[tuple[Phase, float]]:
    """The phase of each step, and how far it has got (0 to 1)."""
    while True:
        for phase in options.scenario:
            steps = max(1, round(phase.duration_s / STEP_S))
            for step in range(steps):
                yield phase, step / max(1, steps - 1)
        if not options.repeat:
            return


def _interpolate(pair: tuple[float, float], done: float) -> float:
    return pair[0] + (pair[1] - pair[0]) * done
