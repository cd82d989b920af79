"""Healthy simulated machines with what is no bearing fault: a third harmonic, a belt, a knock.

Each has a bearing of nine balls or of eight, whose lines at 3.05 and 4.95 turns lie beside the
shaft's harmonics. A minute without the disturbance is commissioned.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from agent.sources import noise
from agent.sources.machine_simulator import Bearing, Machine, Spec
from models.experiments.unseen.machines import ORDERS, Clip, Condition

Signal = npt.NDArray[np.float64]

RATE_HZ = 10_000.0
LEARNED_S = 60.0
SNR_DB = 10.0
BALLS = {"nine balls": Bearing(), "eight balls": Bearing(8, 7.938, 33.5)}
DISTURBANCES = ("third harmonic", "belt", "knock")
BELT_TURNS = 0.37  # of the belt, for one of the shaft
RINGING_HZ, DECAY_S = 2700.0, 0.002  # of a knock


def conditions(minutes: float) -> Iterator[Condition]:
    """A condition for each bearing and disturbance; `minutes` of each are heard."""
    for name, bearing in BALLS.items():
        spec = Spec(rate_hz=RATE_HZ, bearing=bearing)
        orders = bearing.orders
        bearing_keys = {
            "bpfo": orders.bpfo,
            "bpfi": orders.bpfi,
            "bsf": orders.bsf,
            "ftf": orders.ftf,
        }
        for disturbance in DISTURBANCES:
            learned = _clip("undisturbed", spec, LEARNED_S, 0, "")
            heard = _clip(disturbance, spec, 60 * minutes, 1, disturbance)
            yield Condition(
                *("simulated", f"{name}, {disturbance}", RATE_HZ, ORDERS, (learned,), (heard,), ()),
                bearing=bearing_keys,
            )


def _clip(name: str, spec: Spec, seconds: float, seed: int, disturbance: str) -> Clip:
    """The machine is the same for every seed; the noise is not."""
    machine = Machine(spec, np.random.default_rng(7))
    frames = round(seconds * spec.rate_hz)
    healthy = machine.render(frames, "normal", 0.0)
    turns = spec.rpm / 60 / spec.rate_hz * np.arange(frames, dtype=np.float64)
    background = noise.draw("gaussian", (frames,), np.random.default_rng(seed))
    background = background * noise.scale_for(machine.power("normal", 0.0), SNR_DB)
    swing = 1 + 0.5 * np.sin(2 * np.pi * 3 * turns) if disturbance == "third harmonic" else 1.0
    samples = healthy + swing * background + _added(disturbance, turns, spec)
    return Clip(name, "normal", samples[:, None].astype(np.float32), spec.rpm)


def _added(disturbance: str, turns: Signal, spec: Spec) -> Signal:
    added = np.zeros_like(turns)
    if disturbance == "third harmonic":
        added += spec.shaft_amplitude * np.sin(2 * np.pi * 3 * turns)
    if disturbance == "belt":
        for k in range(1, 7):
            added += spec.shaft_amplitude * np.sin(2 * np.pi * k * BELT_TURNS * turns) / k
    if disturbance == "knock":
        since_s = (turns % 1.0) * 60 / spec.rpm
        ringing = np.exp(-since_s / DECAY_S) * np.sin(2 * np.pi * RINGING_HZ * since_s)
        added += spec.strike_amplitude / 2 * ringing
    return added
