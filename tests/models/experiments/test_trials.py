"""Trials judge what training has not seen, in noise of the level they say."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from models.data import backgrounds, noise
from models.data.recordings import Recording
from models.evaluation import metrics
from models.experiments.trials import __main__ as trials
from models.experiments.trials import plan
from models.experiments.trials.table import table
from models.experiments.trials.tasks import BEARINGS, TASKS
from tests.support.paths import DATA


@dataclass(frozen=True)
class Run:
    task: str
    family: str
    seed: int
    figures: dict[str, float] = field(default_factory=dict)
    parameters: int = 1
    macs: int = 1
    int8: dict[str, float] = field(default_factory=dict)
    calibration: dict[str, float] = field(default_factory=dict)
    window: int = 4096


def figures(share: float) -> dict[str, float]:
    levels = [f"{kind}_{level}db" for kind in noise.PLAIN for level in (-10, *range(-5, 6))]
    unseen = [f"{kind}_-5db" for kind in (*noise.UNSEEN, noise.RECORDED)]
    return dict.fromkeys(["clean", "clean_f1", *levels, *unseen], share)


@pytest.mark.parametrize("kind", [*noise.TRAINING, *noise.UNSEEN])
def test_every_noise_has_the_snr_it_says(kind: str) -> None:
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((4, 1, 2048)).astype(np.float32)
    draw = (noise.TRAINING | noise.UNSEEN)[kind]
    added = noise.add(clean, -5.0, draw, rng) - clean
    snr_db = 10 * np.log10(clean.var(-1) / added.var(-1))
    np.testing.assert_allclose(snr_db, -5.0, atol=0.01)


def test_colours_slope_as_they_are_called() -> None:
    for kind, slope in (("brown", -2.0), ("blue", 1.0)):
        drawn = noise.UNSEEN[kind]((64, 4096), np.random.default_rng(0))
        power = (np.abs(np.fft.rfft(drawn)) ** 2).mean(0)
        found = np.polyfit(np.log(np.arange(8, 2000)), np.log(power[8:2000]), 1)[0]
        assert found == pytest.approx(slope, abs=0.1)


def test_recorded_noise_is_a_piece_of_a_recording() -> None:
    long = np.arange(1000, dtype=np.float32)
    drawn = backgrounds.recorded([long], (3, 1, 100), np.random.default_rng(0))
    assert drawn.shape == (3, 1, 100)
    assert np.all(np.diff(drawn) == 1)


def test_a_task_judges_only_what_it_has_not_trained_on() -> None:
    if not all((DATA / name).is_dir() for name in BEARINGS):
        pytest.skip("needs the data sets of the trials, which do not come with the project")
    for task in TASKS.values():
        training, judging = task.sides(DATA)
        pieces = [{piece for r in side for piece in _pieces(r)} for side in (training, judging)]
        assert not pieces[0] & pieces[1], task.name
        assert {r.label for r in training} == set(task.labels)
        assert {r.label for r in judging} == set(task.test_labels)
        if task.name.startswith("leave-"):
            left_out = task.name.removeprefix("leave-")
            assert left_out not in {r.severity for r in training}
            assert {r.severity for r in judging} == {left_out, ""}


def _pieces(recording: Recording) -> list[bytes]:
    """Thirty-two frames every 1000: those of one place are on one side only."""
    samples = recording.samples[0]
    return [samples[at : at + 32].tobytes() for at in range(0, len(samples) - 32, 1000)]


def test_an_unknown_fault_stands_out_when_it_is_farther() -> None:
    unknown = np.array([False, False, True, True])
    assert metrics.auroc(np.array([0.1, 0.2, 0.3, 0.4]), unknown) == 1
    assert metrics.auroc(np.array([0.1, 0.3, 0.2, 0.4]), unknown) == 0.75
    assert metrics.auroc(np.ones(4), unknown) == 0.5


def test_the_table_has_spread_over_seeds_and_differences_paired_by_seed() -> None:
    shares = {
        ("drsn-twin", 0): 0.9,
        ("drsn-twin", 1): 0.8,
        ("resnet", 0): 0.7,
        ("resnet", 1): 0.6,
    }
    runs = [Run("ten", family, seed, figures(share)) for (family, seed), share in shares.items()]
    lines = table(runs).splitlines()
    assert any(line.startswith("| drsn-twin | 2 | 85.0 ± 7.1") for line in lines)
    assert any(line.startswith("| resnet | 2 | +20.0 ± 0.0") for line in lines)


def test_severities_left_out_are_one_figure() -> None:
    shares = {"leave-7mil": 0.9, "leave-14mil": 0.6}
    runs = [Run(task, "drsn-twin", 0, figures(share)) for task, share in shares.items()]
    assert "| drsn-twin | 1 | 75.0" in table(runs)


def test_the_three_forms_have_ten_seeds_where_a_severity_is_left_out_and_all_else_three() -> None:
    forms = ["drsn-twin", "se-twin", "res-twin"]
    assert plan.planned("leave-14mil", 9, 4096) == forms
    assert plan.planned("ten", 9, 4096) == []
    assert set(forms) < set(plan.planned("ten", 2, 4096))
    assert plan.planned("ten", 2, 8192) == ["extra-trees"]
    assert plan.planned("bearing", 2, 8192) == []


def test_families_that_are_asked_for_are_trained_even_where_none_are_planned() -> None:
    command = ["run", "--data", "DATA", "--windows", "8192", "--families", "drsn-order"]
    arguments = trials.parser().parse_args([*command, "--seeds", "0", "--tasks", "ten"])
    (job,) = trials._jobs(arguments)
    assert (job.task.name, job.families, job.seed, job.window) == ("ten", ("drsn-order",), 0, 8192)
