"""Simulated machines of random bearing that change: by a fault of it, or by something else.

Each is commissioned as it is. Then it is heard unchanged, with each fault of its bearing, and with
an unbalanced, misaligned or loose shaft, a level that swings, knocks in step with the shaft, and
strikes at an order that is not the bearing's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from agent.sources.machine_simulator import Fault
from models.data import disturbances, random_machines, strikes
from models.data.disturbances import HARMONICS, Disturbances
from models.data.random_machines import RandomMachine
from models.data.strikes import Train
from models.experiments.unseen.machines import ORDERS, Clip, Condition

MACHINE = "random"
RATE_HZ, LEARNED_S, HEARD_S = 10_000.0, 40.0, 6.0
SEED = 1 << 21  # of machines that no training draws
SEVERITY = 1.0  # of a bearing's fault, over the healthy machine's standard deviation
FAULTS: tuple[Fault, ...] = ("inner", "outer", "ball")


def conditions(count: int) -> Iterator[Condition]:
    """A condition for each of `count` machines."""
    for number in range(count):
        rng = np.random.default_rng([SEED, number])
        drawn = random_machines.draw(rng, RATE_HZ)
        plain = replace(drawn.disturbances, swing=None, trains=())
        machine = replace(drawn, disturbances=plain)
        learned, healthy = (_clip("normal", machine, s, rng) for s in (LEARNED_S, HEARD_S))
        changed = [
            _clip(name, replace(machine, disturbances=each), HEARD_S, rng, plain)
            for name, each in _changes(machine, rng).items()
        ]
        damaged = [_damaged(fault, machine, rng) for fault in FAULTS]
        bearing = {key: getattr(machine.orders, key) for key in ("bpfo", "bpfi", "bsf", "ftf")}
        yield Condition(
            *(MACHINE, f"machine {number}", RATE_HZ, ORDERS, (learned,), (healthy,)),
            faulty=(*changed, *damaged),
            bearing=bearing,
        )


def _changes(machine: RandomMachine, rng: np.random.Generator) -> Mapping[str, Disturbances]:
    """What is no fault of the bearing, by its name."""
    plain, once = machine.disturbances, HARMONICS == 1
    level = _deviation(plain)
    other = Train(disturbances.other_order(rng, machine.orders), 0.005, 0.2)
    knocks = Train(float(rng.integers(*disturbances.KNOCKS)))
    structures = [strikes.structure(rng, RATE_HZ) for _ in range(2)]
    swing = Train(float(rng.integers(*disturbances.SWINGS)), turning=0.6)
    tones = {
        "imbalance": 3.0 * once,
        "misalignment": 2.0 * (once | (HARMONICS == 2)),
        "looseness": 0.7 * np.ones(len(HARMONICS)),
    }
    return {
        name: replace(plain, harmonics=plain.harmonics + level * tone)
        for name, tone in tones.items()
    } | {
        "swinging level": replace(plain, swing=swing),
        "knocks": replace(plain, trains=((knocks, structures[0], 1.5 * level),)),
        "strikes of another": replace(plain, trains=((other, structures[1], 1.5 * level),)),
    }


def _deviation(plain: Disturbances) -> float:
    """Of what is heard of them."""
    rng = np.random.default_rng(SEED)
    return float(disturbances.render(plain, round(HEARD_S * RATE_HZ), rng).std())


def _clip(
    label: str,
    machine: RandomMachine,
    seconds: float,
    rng: np.random.Generator,
    scale: Disturbances | None = None,
) -> Clip:
    """In units of the standard deviation of the machine as `scale` says, else of its own."""
    signal = disturbances.render(machine.disturbances, round(seconds * RATE_HZ), rng)
    signal /= _deviation(scale or machine.disturbances)
    return Clip(label, label, signal[:, None].astype(np.float32), machine.rpm)


def _damaged(fault: Fault, machine: RandomMachine, rng: np.random.Generator) -> Clip:
    frames = round(HEARD_S * RATE_HZ)
    signal = random_machines.render(machine, fault, SEVERITY, frames, rng)
    return Clip(fault, fault, signal[:, None].astype(np.float32), machine.rpm)
