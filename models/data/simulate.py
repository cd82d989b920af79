"""Recordings of simulated machines, so that a network recognises the machine of `demo`."""

import numpy as np
from msgspec.structs import replace

from agent.core.bearing import running
from agent.sources.machine_simulator import FAULTS, Fault, Machine, Spec
from models.data.recordings import Recording

MACHINE = "simulated"


def varied(spec: Spec, rng: np.random.Generator) -> Spec:
    """A machine of the same type with a slightly different speed, structure and level."""
    return replace(
        spec,
        rpm=spec.rpm * rng.uniform(0.95, 1.05),
        resonance_hz=rng.uniform(1500.0, 4200.0),
        damping=rng.uniform(0.02, 0.08),
        shaft_amplitude=spec.shaft_amplitude * rng.uniform(0.5, 2.0),
        mesh_amplitude=spec.mesh_amplitude * rng.uniform(0.5, 2.0),
        strike_amplitude=spec.strike_amplitude * rng.uniform(0.7, 1.4),
    )


def machines(count: int, seconds: float, seed: int, rate_hz: float) -> list[Recording]:
    """`count` varied machines, each healthy and with each fault at a severity of 0.3 to 1."""
    recordings = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        spec = varied(Spec(rate_hz=rate_hz), rng)
        severity = rng.uniform(0.3, 1.0)
        recordings += [
            _recording(f"{fault}-{number}", Machine(spec, rng), fault, severity, seconds)
            for fault in FAULTS
        ]
    return recordings


def default(count: int, seconds: float, seed: int, rate_hz: float) -> list[Recording]:
    """The default machine, healthy and with each fault fully grown, drawn `count` times."""
    spec = Spec(rate_hz=rate_hz)
    rngs = [np.random.default_rng([seed, number]) for number in range(count)]
    return [
        _recording(f"{fault}-{number}", Machine(spec, rng), fault, 1.0, seconds)
        for number, rng in enumerate(rngs)
        for fault in FAULTS
    ]


def _recording(
    file: str, machine: Machine, fault: Fault, severity: float, seconds: float
) -> Recording:
    spec = machine.spec
    machine.render(int(spec.rate_hz / 10), fault, severity)  # skips the silence before the impacts
    samples = machine.render(int(spec.rate_hz * seconds), fault, severity)
    return Recording(
        MACHINE,
        file,
        fault,
        samples[None].astype(np.float32),
        running=running(spec.rpm, spec.bearing.orders),
    )
