"""Recipes are compared by what their networks alone say of machines that are left out."""

import sys
from pathlib import Path

import numpy as np
import pytest

from agent.inference import classifier, zoo
from agent.sources.machine_simulator import Machine, Spec
from models import command
from models.data import recipe as training_recipes
from models.experiments.unseen import left_out, network_only, network_only_table, recipes
from models.experiments.unseen.left_out import ALL_RIGS, RIGS, Training
from models.experiments.unseen.machines import ORDERS, Clip, Condition
from models.experiments.unseen.rows import Row
from models.experiments.unseen.variants import VARIANTS


def clip(label: str, seconds: float = 3.2) -> Clip:
    machine = Machine(Spec(), np.random.default_rng(3))
    signal = machine.render(round(seconds * 10_000), label, 1.0)  # type: ignore[arg-type]
    noise = 0.1 * np.random.default_rng(4).standard_normal(len(signal))
    return Clip(label, label, (signal + noise)[:, None].astype(np.float32), 1797.0)


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """What the released network says of the demo's machine, named as a rig that is left out."""
    healthy = clip("normal")
    condition = Condition(
        *("uestc", "1797 rpm", 10_000.0, ORDERS, (healthy,), (healthy,), (clip("outer"),)),
        bearing={"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398},
    )
    network = classifier.load(zoo.find(ORDERS))
    return {row.name: row for row in network_only.measure(network, 1.4, condition)}


def test_every_control_is_measured(rows: dict[str, Row]) -> None:
    assert {
        network_only.RECORDED,
        network_only.SWINGING,
        network_only.NOISY,
        network_only.WRONG,
    } <= rows.keys()
    assert {"own healthy vibration at 0 dB", "own healthy vibration at -5 dB"} <= rows.keys()
    assert len(rows[network_only.SWINGING].results) == 6
    assert len(rows[network_only.WRONG].results) == 30
    assert all(result.label == "normal" for result in rows[network_only.SWINGING].results)


def test_a_decision_is_that_of_three_seconds_and_a_label_that_of_a_window(
    rows: dict[str, Row],
) -> None:
    _, outer = rows[network_only.RECORDED].results
    waiting = [window for window in outer.windows if window.decision == "abstain"]
    assert len(waiting) > 20
    assert outer.windows[0].network == "outer"
    assert {(w.decision, w.label) for w in outer.windows[len(waiting) :]} == {("fault", "outer")}


def test_a_higher_temperature_makes_a_network_less_sure_and_changes_no_label(
    rows: dict[str, Row],
) -> None:
    recorded, cooler, hotter = (
        [window for result in rows[name].results for window in result.windows]
        for name in (
            network_only.RECORDED,
            network_only.temperature(1.0),
            network_only.temperature(2.0),
        )
    )
    assert [w.network for w in recorded] == [w.network for w in hotter]
    pairs = zip(hotter, cooler, strict=True)
    assert all(hot.probability <= cool.probability + 1e-6 for hot, cool in pairs)
    same = [
        w.probability
        for result in rows[network_only.temperature(1.4)].results
        for w in result.windows
    ]
    assert same == pytest.approx([w.probability for w in recorded], abs=1e-5)


def test_the_tables_show_recipes_beside_each_other(rows: dict[str, Row]) -> None:
    both = {"released": list(rows.values()), "random": list(rows.values())}
    lines = list(network_only_table.tables(both))
    assert "### The network alone, rigs left out: recordings" in lines
    recorded = [line for line in lines if line.startswith(f"| {network_only.RECORDED} |")]
    assert [line.split(" | ")[1] for line in recorded[:2]] == ["released", "random"]
    assert "| 1 of 1 (100 %) | 0 of 1 (0 %) | 1 of 1 (100 %) |" in recorded[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_a_recipe_without_the_rig_that_it_leaves_out(variant: str) -> None:
    training = Training(variant=variant, seed=3)
    assert training.name == f"small-500x64{'' if variant == 'released' else f'-{variant}'}-seed3"
    for left in (*RIGS, ALL_RIGS):
        recipe = training_recipes.checked(left_out._recipe(left, training), left.rig)
        assert [source.folder for source in recipe.data] == list(left.folders)
        assert (recipe.steps, recipe.batch, recipe.seed) == (500, 64, 3)


def test_the_quick_run_prints_a_table_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    released = training_recipes.load(left_out.RECIPE.resolve())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(left_out, "network", lambda *_: zoo.find(ORDERS))
    monkeypatch.setattr(training_recipes, "load", lambda _: released)
    monkeypatch.setattr(sys, "argv", ["recipes", "--data", str(tmp_path), "--quick"])
    assert command.main(recipes.parser()) == 0
    assert (
        "| as recorded | small-10x16 | 1 of 1 (100 %) | 0 of 1 (0 %) |" in capsys.readouterr().out
    )
    assert not list(tmp_path.iterdir())
