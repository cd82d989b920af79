"""Healthy noise repeats nothing, and strikes do, whatever speed and bearing are."""

import numpy as np

from agent.sources.machine_simulator import Fault, Machine, Spec
from models.experiments.unseen import repeats
from models.experiments.unseen.machines import Clip, Condition


def clip(fault: Fault, level: float) -> Clip:
    machine = Machine(Spec(), np.random.default_rng(1))
    noise = np.random.default_rng(2).standard_normal(50_000)
    signal = noise + level * machine.render(50_000, fault, 1.0)
    return Clip(fault, fault, signal[:, None].astype(np.float32))


def test_what_repeats_is_counted_apart_for_healthy_and_faulty() -> None:
    healthy, faulty = (clip("normal", 0.0),), (clip("outer", 2.0), clip("outer", 0.0))
    fast = Condition("rig", "as it is", 10_000.0, "bearing", healthy, healthy, faulty)
    slow = Condition("fan", "as it is", 200.0, "none", healthy, healthy, faulty)
    _, _, rig, together = repeats.table([fast, slow])
    assert rig == "| rig | 1 of 1 (100 %) | 1 of 2 (50 %) |"
    assert together == "| **all** | 1 of 1 (100 %) | 1 of 2 (50 %) |"
