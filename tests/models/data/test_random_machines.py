"""Simulated machines of random geometry differ, and only strikes at the bearing tell a fault."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from agent.core.bearing import Orders
from agent.sources.machine_simulator import FAULTS, Fault
from models.data import disturbances, random_machines, strikes
from models.data.random_machines import RandomMachine
from models.data.recipe import Recipe, Simulated, Source
from models.data.strikes import Train
from tests.support import datasets

RATE_HZ, FRAMES = 10_000.0, 20_000
ORDERS = Orders(bpfo=3.585, bpfi=5.415, bsf=2.357, ftf=0.398)


def quiet(seed: int) -> RandomMachine:
    """A machine whose only sound beside its bearing is its background."""
    rng = np.random.default_rng(seed)
    background = disturbances.Disturbances(
        *(1500.0, RATE_HZ, 0.0, np.zeros(disturbances.RIPPLES), None),
        harmonics=np.zeros(len(disturbances.HARMONICS)),
        mesh=(20, 0.0),
        trains=(),
    )
    return RandomMachine(1500.0, ORDERS, RATE_HZ, strikes.structure(rng, RATE_HZ), background)


def strongest_order(signal: np.ndarray, rpm: float) -> float:
    """Of the squared signal's spectrum, in orders of the shaft, up to 15."""
    power = np.abs(np.fft.rfft(signal**2 - (signal**2).mean())) ** 2
    orders = np.fft.rfftfreq(len(signal), 1 / RATE_HZ) * 60 / rpm
    inside = (orders > 0.2) & (orders < 15)
    return float(orders[inside][power[inside].argmax()])


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "normal"])
def test_strikes_come_at_the_orders_of_the_part_that_is_damaged(fault: Fault) -> None:
    unit = {"outer": ORDERS.bpfo, "inner": 1.0, "ball": ORDERS.ftf}[fault]  # lines and side bands
    line = {"outer": ORDERS.bpfo, "inner": ORDERS.bpfi, "ball": 2 * ORDERS.bsf}[fault]
    near = 0
    for seed in range(8):
        machine = quiet(seed)
        rng = np.random.default_rng(seed)
        signal = random_machines.render(machine, fault, 8.0, FRAMES, rng)
        order = strongest_order(signal, machine.rpm)
        apart = abs(order - line) if fault == "outer" else abs(order / unit - round(order / unit))
        near += min(apart, abs(order - line), abs(order - line / 2)) < 0.1
    assert near >= 7


def test_a_healthy_machine_has_unit_variance_and_a_fault_adds_its_severity() -> None:
    rng = np.random.default_rng(0)
    machine = random_machines.draw(rng, RATE_HZ)
    healthy = random_machines.render(machine, "normal", 2.0, FRAMES, rng)
    damaged = random_machines.render(machine, "outer", 2.0, FRAMES, rng)
    assert healthy.var() == pytest.approx(1.0)
    assert damaged.var() == pytest.approx(5.0, rel=0.2)


def test_machines_differ_and_the_same_seed_gives_the_same_ones() -> None:
    once, again = (random_machines.recordings(3, 0.5, 5, RATE_HZ) for _ in range(2))
    assert [each.label for each in once[:4]] == list(FAULTS)
    assert len({each.running for each in once}) == 3
    for first, second in zip(once, again, strict=True):
        np.testing.assert_array_equal(first.samples, second.samples)


def test_every_line_lies_where_a_network_can_see_it() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        machine = random_machines.draw(rng, RATE_HZ)
        fastest_hz = 2 * machine.orders.bpfi * machine.rpm / 60
        assert fastest_hz <= random_machines.HIGHEST_LINE_HZ * 1.001
        assert machine.rpm >= random_machines.RPM[0]


def test_what_else_strikes_is_not_in_step_with_the_bearing() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        order = disturbances.other_order(rng, ORDERS)
        for line in (ORDERS.bpfo, ORDERS.bpfi, 2 * ORDERS.bsf):
            assert abs(order / line - 1) > 0.03


def test_a_load_zone_that_is_small_leaves_the_defect_unloaded_for_a_part_of_the_turn() -> None:
    turns = np.linspace(0, 1, 100)
    load = strikes._load(Train(5.4, zone=0.3), turns)
    assert load.max() == pytest.approx(1.0)
    assert (load == 0).mean() > 0.3
    assert strikes._load(Train(3.6), turns).min() == 1.0


def test_a_recipe_adds_as_many_random_machines_as_it_asks_for(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from models.training.train import training_recordings

    recipe = Recipe(
        name="many",
        labels=FAULTS,
        normal=("normal",),
        rate_hz=RATE_HZ,
        window=1024,
        data=(Source("cwru", rate_hz=12_000.0),),
        simulated=Simulated(machines=1, random=2, seconds=0.3),
    )
    recordings = training_recordings(recipe, datasets.bearings(tmp_path))
    drawn = [each for each in recordings if each.file.startswith("random-")]
    assert [each.label for each in drawn] == [*FAULTS, *FAULTS]
    assert {each.machine for each in drawn} == {"simulated"}
    fewer = msgspec.structs.replace(recipe, simulated=Simulated(machines=1, seconds=0.3))
    assert len(training_recordings(fewer, tmp_path)) == len(recordings) - len(drawn)
