"""Healthy and damaged machines of random bearing, speed and structure, with what is no fault.

A network that knows a few rigs takes their shafts, meshes and colours for signs of a fault. Here
healthy and damaged machines have them alike: an unbalanced, misaligned or loose shaft, a mesh, a
level that swings with the shaft, knocks once or a few times a turn, and strikes at an order that
is not the bearing's. Only strikes at the bearing's own orders tell the fault. Free of torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agent.core.bearing import Orders, of_geometry, running
from agent.sources.machine_simulator import FAULTS, Fault
from models.data import disturbances, strikes
from models.data.disturbances import Disturbances
from models.data.recordings import Recording
from models.data.simulate import MACHINE
from models.data.strikes import Signal, Train

RPM = (500.0, 3300.0)
HIGHEST_LINE_HZ = 600.0  # of twice the inner race: a network's envelope ends there
BALLS, RATIO = (6, 18), (0.13, 0.30)  # of ball to pitch diameter
SEVERITY = (0.25, 4.0)  # standard deviation of the strikes over that of the healthy machine


@dataclass(frozen=True)
class RandomMachine:
    """Everything about a machine that its recordings have in common."""

    rpm: float
    orders: Orders
    rate_hz: float
    path: Signal  # from the bearing to the sensor: an impulse response [frames]
    disturbances: Disturbances


def draw(rng: np.random.Generator, rate_hz: float) -> RandomMachine:
    """A machine; its bearing's lines lie where a network can see them."""
    ratio = rng.uniform(*RATIO)
    orders = of_geometry(int(rng.integers(*BALLS)), ratio, 1.0)
    fastest = min(RPM[1], 60 * HIGHEST_LINE_HZ / (2 * orders.bpfi))
    rpm = strikes.log_uniform(rng, RPM[0], fastest)
    path = strikes.structure(rng, rate_hz)
    return RandomMachine(rpm, orders, rate_hz, path, disturbances.draw(rng, rpm, orders, rate_hz))


def render(
    machine: RandomMachine, fault: Fault, severity: float, frames: int, rng: np.random.Generator
) -> Signal:
    """A recording [frames] of unit variance where healthy; `severity` is that of the fault."""
    healthy = disturbances.render(machine.disturbances, frames, rng)
    healthy /= healthy.std()
    if fault == "normal":
        return healthy
    train = trains(machine.orders, rng)[fault]
    ringing = strikes.ringing(train, machine.rpm, machine.rate_hz, machine.path, frames, rng)
    damaged: Signal = healthy + severity * ringing
    return damaged


def trains(orders: Orders, rng: np.random.Generator) -> Mapping[Fault, Train]:
    """The strikes of each fault, with random slip, scatter and load zone.

    Rollers slip, so the cage and with it BPFO and 2 BSF are up to 1.2 % slow, and BPFI is up to
    0.8 % fast. A defect on the inner race passes the load zone once a turn, one on a ball once a
    turn of the cage; the outer race's is struck evenly, but for an unbalanced shaft's turning load.
    A ball strikes both races, and one of them harder.
    """
    slip, scatter = rng.uniform(0.001, 0.015), rng.uniform(0.05, 0.5)
    zone = rng.uniform(0.25, 0.9)
    turning = rng.choice([0.0, rng.uniform(0.0, 0.4)])
    return {
        "outer": Train(orders.bpfo * (1 - rng.uniform(0, 0.012)), slip, scatter, 1.0, turning),
        "inner": Train(
            orders.bpfi * (1 + rng.uniform(-0.004, 0.008)), slip, scatter, 1.0, zone=zone
        ),
        "ball": Train(
            *(2 * orders.bsf * (1 - rng.uniform(0, 0.012)), slip, scatter, orders.ftf),
            zone=zone,
            weaker=rng.uniform(0.0, 1.0),
        ),
    }


def recordings(count: int, seconds: float, seed: int, rate_hz: float) -> list[Recording]:
    """`count` machines, each healthy and with each fault."""
    frames = round(seconds * rate_hz)
    drawn = []
    for number in range(count):
        rng = np.random.default_rng([seed, number, count])
        machine = draw(rng, rate_hz)
        severity = strikes.log_uniform(rng, *SEVERITY)
        for fault in FAULTS:
            samples = render(machine, fault, severity, frames, rng)[None].astype(np.float32)
            name = f"random-{fault}-{number}"
            known = running(machine.rpm, machine.orders)
            drawn.append(Recording(MACHINE, name, fault, samples, running=known))
    return drawn
