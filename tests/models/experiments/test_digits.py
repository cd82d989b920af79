"""The networks over images, and their trial: digits in clutter and noise, split before all else."""

import re
import sys
import zlib
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from models import command
from models.evaluation import intervals
from models.evaluation.results import load
from models.experiments.digits import __main__ as digits_trial
from models.experiments.digits import cluttered_digits, evaluation, sparsity
from models.experiments.digits.cluttered_digits import CANVAS, DIGIT, NOISES, Digits
from models.experiments.digits.records import (
    CanvasCondition,
    DigitsRun,
    Result,
    conditions,
)
from models.experiments.digits.table import table
from models.networks import cost, images, registry
from models.networks.dimensions import Dimensions
from models.networks.shrinkage import Shrinkage, soft_threshold

WIDTH = 6
MAPS = arrays.arrays(np.float32, (2, WIDTH, 5, 7), elements=st.floats(-16, 16, width=32))


@pytest.fixture(scope="module")
def sides() -> dict[str, Digits]:
    return cluttered_digits.sides()


@pytest.fixture(scope="module")
def few(sides: dict[str, Digits]) -> dict[str, Digits]:
    """The sides, but thirty images each."""
    return {n: Digits(s.pixels[:30], s.targets[:30], s.index[:30]) for n, s in sides.items()}


@pytest.fixture(scope="module")
def results(few: dict[str, Digits], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks, hardly trained, judged in every condition."""
    torch.set_num_threads(1)
    out: Path = tmp_path_factory.mktemp("images") / "images.jsonl"
    plan = digits_trial.Plan(["drsn-cw", "resnet"], [0], "validation", steps=2)
    digits_trial.run(few, plan, out)
    return out


def gate(shared: bool) -> torch.nn.Module:
    """A sub-network as training might leave it."""
    torch.manual_seed(0)
    made = Shrinkage(WIDTH, shared, 0.05)
    assert made.norm.running_mean is not None
    torch.nn.init.normal_(made.norm.running_mean, std=0.1)
    torch.nn.init.normal_(made.excite.weight, std=0.3)
    return made.eval()


def test_no_image_is_on_two_sides_and_none_is_left_out(sides: dict[str, Digits]) -> None:
    pixels = {name: {one.tobytes() for one in side.pixels} for name, side in sides.items()}
    assert sum(map(len, pixels.values())) == len(set().union(*pixels.values())) == 1797
    assert sorted(np.concatenate([side.index for side in sides.values()])) == list(range(1797))
    for side in sides.values():
        shares = np.bincount(side.targets, minlength=10) / len(side.targets)
        np.testing.assert_allclose(shares, 0.1, atol=0.005)


def test_the_split_is_the_same_whenever_it_is_made(sides: dict[str, Digits]) -> None:
    for name, side in cluttered_digits.sides().items():
        assert np.array_equal(side.index, sides[name].index)


@pytest.mark.parametrize("kind", [*NOISES, "mixed"])
def test_the_noise_has_exactly_the_snr_asked_for(kind: str, sides: dict[str, Digits]) -> None:
    rng = np.random.default_rng(0)
    draw = cluttered_digits.any_noise if kind == "mixed" else NOISES[kind]
    clean = cluttered_digits.place(sides["validation"], np.arange(6), np.full(6, 2), rng)
    levels = np.array([-5, 0, 5, 10, 15, np.inf], np.float32)
    added = cluttered_digits.add(clean, levels, draw, rng).astype(np.float64) - clean.pixels
    assert np.array_equal(added[5], np.zeros_like(added[5]))
    own = sides["validation"].pixels[:5].var((1, 2))
    snr_db = 10 * np.log10(own / added[:5].var((1, 2, 3)))
    np.testing.assert_allclose(snr_db, levels[:5], atol=0.01)


def test_pink_noise_falls_with_one_over_radial_frequency() -> None:
    drawn = cluttered_digits.pink((200, 64, 64), np.random.default_rng(0))
    power = (np.abs(np.fft.rfft2(drawn)) ** 2).mean(0)
    radial = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64))
    heard = radial > 0
    slope = np.polyfit(np.log(radial[heard]), np.log(power[heard]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.05)


def test_salt_and_pepper_hits_a_tenth_of_the_pixels_up_and_down_alike() -> None:
    drawn = cluttered_digits.salt_and_pepper((100, CANVAS, CANVAS), np.random.default_rng(0))
    assert set(np.unique(drawn).tolist()) == {-1.0, 0.0, 1.0}
    assert (drawn > 0).mean() == pytest.approx(0.05, abs=0.003)
    assert (drawn < 0).mean() == pytest.approx(0.05, abs=0.003)


def test_fragments_are_of_other_classes_and_never_cover_the_digit() -> None:
    """Each class has a grey of its own, so that every pixel tells where it is from."""
    targets = np.arange(10)
    pixels = np.ones((10, 8, 8), np.float32) * (targets[:, None, None] + 1).astype(np.float32)
    digits = Digits(pixels, targets, targets)
    placed = cluttered_digits.place(digits, targets, np.full(10, 8), np.random.default_rng(0))
    for target, canvas, (row, column) in zip(
        targets, placed.pixels[:, 0], placed.corners, strict=True
    ):
        whole = canvas[row : row + DIGIT, column : column + DIGIT].copy()
        canvas[row : row + DIGIT, column : column + DIGIT] = 0
        assert np.all(whole == target + 1)
        assert target + 1 not in canvas
        assert len(np.unique(canvas)) > 2


def test_the_canvases_of_a_condition_are_the_same_for_every_network(
    sides: dict[str, Digits],
) -> None:
    shown = CanvasCondition("pink", 0, 2)
    one, other = (evaluation.canvas_set(sides["test"], shown) for _ in range(2))
    assert np.array_equal(one.pixels, other.pixels)
    another = evaluation.canvas_set(sides["test"], CanvasCondition("pink", 5, 2))
    assert not np.array_equal(one.clean.pixels, another.clean.pixels)


@pytest.mark.parametrize("shared", [False, True])
@given(x=MAPS)
@settings(deadline=None, max_examples=40)
def test_a_map_of_rows_and_columns_has_one_threshold_above_zero_and_not_above_the_largest(
    shared: bool, x: np.ndarray
) -> None:
    made, given_x = gate(shared), torch.from_numpy(x)
    with torch.no_grad():
        y, alpha = made(given_x)
        mean = given_x.abs().mean((2, 3))
        tau = alpha * (mean.mean(1, keepdim=True) if shared else mean)  # [2, WIDTH (CS: 1)]
        expected = soft_threshold(given_x, tau[:, :, None, None])
    np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-5, atol=1e-5)
    largest = np.abs(x).max((1, 2, 3) if shared else (2, 3)).reshape(2, -1)
    heard = largest > 1e-30
    assert np.all(tau.numpy()[heard] > 0)
    assert np.all(tau.numpy() <= largest * (1 + 1e-5))


@pytest.mark.parametrize("family", images.FAMILIES)
def test_an_image_is_answered_alike_whatever_else_is_in_the_batch(family: str) -> None:
    torch.manual_seed(0)
    network = images.build(family, 1, 10).eval()
    x = torch.randn(3, 1, CANVAS, CANVAS)
    other = torch.cat([x[:1], torch.randn(2, 1, CANVAS, CANVAS)])
    with torch.no_grad():
        logits, alphas = network(images.standardized(x))
        again, _ = network(images.standardized(other))
    assert logits.shape == (3, 10)
    assert alphas.shape == (3, {"drsn-cw": 80, "drsn-cs": 3}.get(family, 0))
    torch.testing.assert_close(logits[0], again[0], rtol=1e-5, atol=1e-5)


def test_the_gain_of_senet_is_as_large_as_the_threshold() -> None:
    sizes = {family: cost.parameters(images.build(family, 1, 10)) for family in images.FAMILIES}
    assert sizes["senet"] == pytest.approx(sizes["drsn-cw"], rel=0.01)
    assert sizes["resnet"] == sizes["convnet"] < sizes["drsn-cw"]


@pytest.mark.parametrize("family", ["drsn-cw", "drsn-cs", "senet", "resnet", "convnet"])
def test_kernels_are_square_over_images_and_flat_along_time(family: str) -> None:
    def heights(network: torch.nn.Module) -> set[tuple[int, ...]]:
        return {m.kernel_size for m in network.modules() if isinstance(m, torch.nn.Conv2d)}

    assert heights(images.build(family, 1, 10)) == {(3, 3), (1, 1)}
    along_time = registry.build(family, "small", Dimensions(1, 1024, 4, 10_000))
    assert {rows for rows, _ in heights(along_time)} == {1}


def test_the_same_seed_trains_the_same_network_and_another_does_not(
    sides: dict[str, Digits],
) -> None:
    def trained(seed: int) -> torch.Tensor:
        network = digits_trial.train("drsn-cw", seed, sides["train"], steps=2)
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    one, again, other = trained(0), trained(0), trained(1)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_what_is_in_the_results_is_not_run_again(
    few: dict[str, Digits], results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = results.read_text()
    trained: list[tuple[str, int]] = []

    def noted(family: str, seed: int, digits: Digits, steps: int) -> torch.nn.Module:
        trained.append((family, seed))
        return images.build(family, 1, 10).eval()

    monkeypatch.setattr(digits_trial, "train", noted)
    monkeypatch.setattr(digits_trial, "conditions", lambda: [CanvasCondition("gaussian", 5, 2)])
    more = results.with_name("more.jsonl")
    more.write_text(before)
    plan = digits_trial.Plan(["drsn-cw", "resnet", "convnet"], [0], "validation", steps=2)
    digits_trial.run(few, plan, more)
    assert trained == [("convnet", 0)]
    assert more.read_text().startswith(before)
    assert digits_trial.weights(more, "convnet", 0).is_file()
    assert len(load(more, DigitsRun)) == 3


def test_hits_and_confusions_count_the_same_canvases(results: Path) -> None:
    for run in load(results, DigitsRun):
        noisy = [np.array(j.confusion) for j in run.results if j.condition.snr_db is not None]
        assert sum(run.hits) == sum(np.trace(counts) for counts in noisy)
        assert run.noisy == len(noisy) * evaluation.PER_IMAGE
        assert {np.sum(j.confusion) for j in run.results} == {len(run.hits) * evaluation.PER_IMAGE}


def made_up(family: str, seed: int, right: int) -> DigitsRun:
    """`right` of ten canvases of each digit; the rest are called the next digit."""
    counts = right * np.eye(10, dtype=int) + (10 - right) * np.roll(np.eye(10, dtype=int), 1, 1)
    judged = [Result(condition, counts.tolist()) for condition in conditions()]
    noisy = sum(one.condition.snr_db is not None for one in judged)
    hits = [noisy * right // 10] * 100
    return DigitsRun(family, seed, "test", 1, 1, 1.0, judged, hits)


def test_the_table_has_spread_over_seeds_and_differences_paired_by_seed() -> None:
    shares = {("drsn-cw", 0): 9, ("drsn-cw", 1): 8, ("resnet", 0): 7, ("resnet", 1): 6}
    lines = table([made_up(*key, right) for key, right in shares.items()]).splitlines()
    assert any(line.startswith("| drsn-cw | 85.0 ± 7.1 | 85.0 ± 7.1") for line in lines)
    assert any(line.startswith("| resnet | +20.0 ± 0.0 | +20.0 ± 0.0") for line in lines)


def test_an_interval_over_seeds_is_students_and_one_over_images_is_as_wide_as_they_differ() -> None:
    mean, half = intervals.over_seeds([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.303 / np.sqrt(3), rel=1e-3)
    assert np.isnan(intervals.over_seeds([1.0])[1])
    low, high = intervals.over_images(np.random.default_rng(1).standard_normal(400))
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.15)
    assert intervals.over_images(np.full(10, 3.0)) == (3.0, 3.0)


def test_what_is_zeroed_is_what_the_gate_zeroes() -> None:
    torch.manual_seed(0)
    network = images.build("drsn-cw", 1, 10).eval()
    pixels = np.random.default_rng(0).standard_normal((2, 1, CANVAS, CANVAS)).astype(np.float32)
    seen: list[Any] = []
    first = next(module for module in network.modules() if isinstance(module, Shrinkage))
    hook = first.register_forward_hook(lambda _m, _i, out: seen.append(out[0]))
    found = sparsity.maps(network, pixels)
    hook.remove()
    assert [each.shape for each in found] == [(2, 14, 14), (2, 7, 7), (2, 7, 7)]
    np.testing.assert_allclose(found[0], (seen[0] == 0).float().mean(1).numpy())
    assert 0 < found[0].mean() < 1


def test_inside_is_where_the_digit_is() -> None:
    corners = np.array([[4, 8]])
    share = np.zeros((1, 14, 14), np.float32)
    share[0, 2:6, 4:8] = 1.0
    assert sparsity.in_and_out([share], corners) == [(1.0, 0.0)]


def test_the_report_is_one_page_that_needs_nothing_else_and_one_json(
    few: dict[str, Digits], results: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    digits_trial.report(few, results, "validation", out)
    page, record = out.read_text(), msgspec.json.decode(out.with_suffix(".json").read_bytes())
    assert not re.search(r"(?:src|href)=(?!\"data:)|url\(|@import", page)
    assert "<script" not in page
    assert [one["family"] for one in record["families"]] == ["drsn-cw", "resnet"]
    assert np.sum(record["confusion"]["no noise, 2 fragments"]) == 30 * evaluation.PER_IMAGE
    png = b64decode(re.findall(r"data:image/png;base64,([^\"]+)", page)[0])
    start = png.index(b"IDAT") + 4
    lines = zlib.decompressobj().decompress(png[start:])
    assert len(lines) == CANVAS * (CANVAS + 1)


def test_a_table_of_nothing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.jsonl"
    monkeypatch.setattr(sys, "argv", ["digits_trial", "table", "--results", str(missing)])
    assert command.main(digits_trial.parser()) == 1
    assert "none.jsonl: found no run of drsn-cw tested on test" in capsys.readouterr().err
