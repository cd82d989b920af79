"""The paper's protocol: trained as it says, run once, and told as it came out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from agent.core.errors import UserError
from models.data import noise as noises
from models.data import validation
from models.data.recordings import Recording
from models.data.validation import Labelled
from models.evaluation import results
from models.experiments.paper import __main__ as paper
from models.experiments.paper import cells as paper_cells
from models.experiments.paper.cells import Cell
from models.experiments.paper.figures import estimate
from models.experiments.paper.quick import compared
from models.experiments.paper.table import document
from models.experiments.trials import tasks
from models.training import sgd
from tests.support.paths import DATA, DOCS

DOCUMENT = DOCS / "PAPER.md"
CELL = Cell("gaussian", -3, 0)


@dataclass(frozen=True)
class Run:
    family: str
    kind: str
    snr_db: int
    seed: int
    noisy: float
    clean: float
    trained: float = 1.0
    epochs: int = 20
    parameters: int = 1234
    macs: int = 5678


def runs(gain: float = 0.02) -> list[Run]:
    """Two models, two cells, three seeds; one is ahead by `gain`, give or take 0.005."""
    found = []
    for level, base in ((-3, 0.80), (3, 0.90)):
        for seed, luck in ((0, -0.005), (1, 0.0), (2, 0.005)):
            found.append(Run("resnet", "pink", level, seed, base, base - 0.2))
            found.append(Run("drsn-cw", "pink", level, seed, base + gain + luck, base - 0.4))
    return found


def recordings() -> list[Recording]:
    """A tone for each label, long enough for a few windows."""
    time_s = np.arange(6000) / 10_000
    return [
        Recording("cwru", f"{label}.flac", label, np.sin(2e3 * (i + 1) * time_s)[None].astype("f4"))
        for i, label in enumerate(paper.LABELS)
    ]


def test_the_rate_is_a_tenth_after_two_and_after_four_fifths_of_the_epochs() -> None:
    assert [sgd.learning_rate(epoch, 10) for epoch in range(10)] == (
        [0.1] * 4 + [0.01] * 4 + [0.001] * 2
    )
    hundred = [sgd.learning_rate(epoch, 100) for epoch in range(100)]
    assert [hundred.count(rate) for rate in (0.1, 0.01, 0.001)] == [40, 40, 20]


def test_a_step_is_that_of_momentum_and_l2() -> None:
    """Two steps by hand: v = 0.9 v + gradient + 0.0001 w; w = w - rate v."""
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 2.0)
    descent = sgd.optimizer(layer)
    weight, velocity = 2.0, 0.0
    for _ in range(2):
        descent.zero_grad()
        torch.autograd.backward(3 * layer.weight.sum())
        descent.step()
        velocity = 0.9 * velocity + 3 + 1e-4 * weight
        weight -= 0.1 * velocity
    assert layer.weight.item() == pytest.approx(weight, abs=1e-6)


def test_every_epoch_shows_every_window_of_whole_batches_at_its_rate() -> None:
    class Spy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(8, 2)
            self.shown: list[torch.Tensor] = []

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            self.shown.append(x[:, 0].clone())
            return self.linear(x[:, 0]), x.new_zeros(len(x), 0)

    rng = np.random.default_rng(0)
    windows = Labelled(
        rng.standard_normal((300, 1, 8)).astype(np.float32),
        np.arange(300) % 2,
        np.zeros((300, 5), "f4"),
    )
    spies = [Spy() for _ in range(3)]
    for spy, seed in zip(spies, (0, 0, 1), strict=True):
        sgd.train(spy, windows, 2, seed)
    assert [len(batch) for batch in spies[0].shown] == [128] * 4
    first = torch.cat(spies[0].shown[:2])
    assert len({tuple(window.tolist()) for window in first}) == 256
    assert not torch.equal(first, torch.cat(spies[0].shown[2:]))
    assert torch.equal(first, torch.cat(spies[1].shown[:2]))
    assert not torch.equal(first, torch.cat(spies[2].shown[:2]))


def test_a_training_window_has_its_cells_noise_at_its_snr() -> None:
    quiet = [
        msgspec.structs.replace(paper_cells.recipe(paper.LABELS, CELL), noise=noise)
        for noise in (
            paper_cells.recipe(paper.LABELS, CELL).noise,
            paper_cells.recipe(paper.LABELS, CELL._replace(snr_db=60)).noise,
        )
    ]
    noisy, clean = (paper_cells.training_set(recordings(), made, CELL) for made in quiet)
    np.testing.assert_array_equal(noisy.targets, clean.targets)
    added = noisy.samples - clean.samples
    snr_db = 10 * np.log10(clean.samples.var(-1) / added.var(-1))
    np.testing.assert_allclose(snr_db, -3.0, atol=0.1)
    again = paper_cells.training_set(recordings(), quiet[0], CELL)
    np.testing.assert_array_equal(again.samples, noisy.samples)


def test_all_models_and_seeds_are_judged_in_the_same_noise() -> None:
    clean = Labelled(
        np.sin(np.arange(4096.0)).reshape(2, 1, 2048).astype("f4"),
        np.arange(2),
        np.zeros((2, 5), "f4"),
    )
    first = paper_cells.noisy_set(clean, CELL)
    np.testing.assert_array_equal(
        paper_cells.noisy_set(clean, CELL._replace(seed=5)).samples, first.samples
    )
    for other in (CELL._replace(kind="pink"), CELL._replace(snr_db=3)):
        assert np.abs(paper_cells.noisy_set(clean, other).samples - first.samples).max() > 0


def test_a_run_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_cells, "TRAINING_WINDOWS", 128)
    monkeypatch.setattr(paper, "PER_CLASS", 2)
    monkeypatch.setattr(tasks, "loads", lambda root: (recordings(), recordings()))
    out = tmp_path / "paper.jsonl"
    cells = [cell._replace(epochs=1) for cell in paper_cells.cells([-3], [0])[:2]]
    two = [(cell, ("wdcnn", "extra-trees")) for cell in cells]
    paper.run(tmp_path, [(cells[0], ("wdcnn",))], out)
    before = out.read_text()
    paper.run(tmp_path, two, out)
    assert out.read_text().startswith(before)
    assert [(run.family, run.kind) for run in results.load(out, paper.PaperRun)] == [
        ("wdcnn", "gaussian"),
        ("extra-trees", "gaussian"),
        ("wdcnn", "laplacian"),
        ("extra-trees", "laplacian"),
    ]
    done = out.read_text()
    paper.run(tmp_path, two, out)
    assert out.read_text() == done
    out.unlink()
    paper.run(tmp_path, [(cells[0], ("wdcnn",))], out)
    assert _but_time(results.load(out, paper.PaperRun)[0]) == _but_time(
        msgspec.json.decode(before, type=paper.PaperRun)
    )


def _but_time(run: paper.PaperRun) -> paper.PaperRun:
    return msgspec.structs.replace(run, train_s=0.0)


def test_an_estimate_has_the_interval_of_pooled_seeds() -> None:
    cells = {("pink", -3): {0: 79.0, 1: 81.0, 2: 83.0}, ("pink", 3): {0: 90.0, 1: 94.0}}
    found = estimate(cells)
    deviation = np.sqrt((8.0 + 8.0) / 3)  # of single trainings, three degrees of freedom
    assert found.mean == pytest.approx(86.5)
    assert found.half == pytest.approx(3.182 * deviation * np.sqrt(1 / 3 + 1 / 2) / 2, rel=1e-3)
    assert found.single == pytest.approx(3.182 * deviation * np.sqrt(1.5), rel=1e-3)


def test_with_few_seeds_an_interval_is_that_of_cells() -> None:
    found = estimate(
        {("pink", -3): {0: 80.0, 1: 82.0}, ("pink", 0): {0: 84.0}, ("pink", 3): {0: 87}}
    )
    assert found.half == pytest.approx(4.303 * 3 / np.sqrt(3), rel=1e-3)
    assert np.isnan(found.single)
    assert np.isnan(estimate({("pink", 3): {0: 90.0, 1: 91.0}}).half)


def test_the_document_has_means_spreads_and_paired_differences() -> None:
    text = document(runs(), 1280, 20)
    assert "| resnet | 1,234 | 5,678 | 85.0 ± 7.1 | 85.0 ± 7.1 | ± 0.0 | 100.0 | 86.25 |" in text
    assert "| drsn-cw minus resnet | +2.0 ± 0.6 | -20.0 ± 0.0 |" in text
    assert "| drsn-cw | 87.0 | 45.0 | -42.0 ± 0.6 | 40.0 |" in text
    assert "{" not in text


def test_longer_training_stands_apart_beside_its_like() -> None:
    long = [Run("resnet", "pink", -3, 0, 0.85, 0.9, epochs=100)]
    text = document([*runs(), *long], 1280, 20)
    assert "| resnet | pink -3 dB | 0 | 100 | 100.0 | 85.0 | 90.0 |" in text
    assert "| resnet | pink -3 dB | 0 | 20 | 100.0 | 80.0 | 60.0 |" in text
    tables = [made.partition("## Every cell")[2] for made in (text, document(runs(), 1280, 20))]
    assert tables[0] == tables[1]


def test_the_full_plan_has_every_cell_and_the_quick_one_is_its_first() -> None:
    plan = paper.full()
    short = [cell for cell, _ in plan if cell.epochs == paper_cells.EPOCHS]
    assert short == paper_cells.cells(paper.LEVELS_DB, paper.SEEDS)
    assert plan[0] == (CELL, paper.FAMILIES)
    assert [families for cell, families in plan if cell.epochs == 100] == [paper.LONG_FAMILIES]


def test_the_document_says_what_the_figures_do() -> None:
    ahead, level, behind = (document(runs(gain), 1280, 20) for gain in (0.03, 0.003, -0.04))
    assert "drsn-cw is ahead of resnet" in ahead
    assert "The paper has +3.32 points: inside the interval" in ahead
    assert "lose more than 10 points: resnet -20, drsn-cw -43." in ahead
    assert "holds zero" in level
    assert "drsn-cw is behind resnet" in behind
    assert "outside the interval, so that figure does not hold here" in behind
    alone = document([r for r in runs() if r.seed == 0 and r.snr_db == 3], 1280, 20)
    assert "a single training, which says nothing of chance" in alone


def test_a_quick_run_is_held_against_the_document() -> None:
    text = document(runs(), 1280, 20)
    near = Run("drsn-cw", "pink", -3, 0, 0.83, 0.40)
    far = Run("drsn-cw", "pink", -3, 0, 0.60, 0.40)
    strange = Run("drsn-cw", "gaussian", -3, 0, 0.60, 0.40)
    assert [line.rpartition(": ")[2] for line in compared([near, far], text)] == (
        ["OK", "OK", "outside", "OK"]
    )
    assert all("nothing to compare with" in line for line in compared([strange], text))


def test_the_committed_document_can_be_compared_with() -> None:
    quick = Run("drsn-cw", CELL.kind, CELL.snr_db, CELL.seed, 0.0, 0.0)
    lines = compared([quick], DOCUMENT.read_text())
    assert [line.rpartition(": ")[2] for line in lines] == ["outside", "outside"]


def test_a_missing_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found no such folder"):
        paper.run(tmp_path, [(CELL, ("wdcnn",))], tmp_path / "paper.jsonl")


def test_the_protocol_judges_recordings_that_it_has_not_trained_on() -> None:
    if not (DATA / "cwru").is_dir():
        pytest.skip("needs the data set cwru, which does not come with the project")
    training, judging = tasks.loads(DATA)
    clean = validation.labelled(judging, paper_cells.recipe(paper.LABELS, CELL), paper.PER_CLASS)
    shown = paper_cells.training_set(training, paper_cells.recipe(paper.LABELS, CELL), CELL)
    assert not {r.file for r in training} & {r.file for r in judging}
    assert set(shown.targets) == set(clean.targets) == set(range(len(paper.LABELS)))
    assert noises.PLAIN.keys() == {cell.kind for cell in paper_cells.cells([3], [0])}
