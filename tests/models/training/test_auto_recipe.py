"""What follows from a folder of recordings: rate, window, channels, steps, side to report on."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.core.model_contract import Contract

pytest.importorskip("torch")

from models.data import held_out, recipe
from models.data.recipe import Recipe
from models.training.auto_recipe import RecipeOptions, recipe_for


def recorded(path: Path, rate_hz: int, seconds: float = 3.0, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.as_posix().encode())
    samples = np.random.default_rng(seed).standard_normal((round(rate_hz * seconds), channels))
    soundfile.write(path, 0.1 * samples, rate_hz)
    return path


def surveyed(root: Path, **wishes: object) -> tuple[Recipe, list[str]]:
    said: list[str] = []
    return recipe_for(root, "net", RecipeOptions(**wishes), said.append), said  # type: ignore[arg-type]


def folder(root: Path, rates_hz: dict[str, int], **how: float) -> Path:
    for label, rate_hz in rates_hz.items():
        for number in range(4):
            recorded(root / label / f"{number}.wav", rate_hz, **how)  # type: ignore[arg-type]
    return root


@pytest.mark.parametrize(
    ("rate_hz", "seconds", "expected"),
    [
        (10_000, 3.0, (10_000, 2048)),
        (48_000, 3.0, (20_000, 4096)),  # capped
        (10_000, 0.15, (10_000, 1024)),  # every recording fills it
        (200, 9.0, (200, 256)),  # the shortest that networks are made for
    ],
)
def test_rate_and_window_follow_from_the_recordings(
    rate_hz: int, seconds: float, expected: tuple[float, int], tmp_path: Path
) -> None:
    root = folder(tmp_path, {"normal": rate_hz, "worn": rate_hz}, seconds=seconds)
    made, said = surveyed(root)
    assert (made.rate_hz, made.window) == expected
    assert f"{expected[0]} Hz, windows of {expected[1]}" in "\n".join(said)
    assert not any(line.startswith("note") for line in said)


def test_the_smallest_rate_is_taken_and_labels_of_different_rates_are_noted(
    tmp_path: Path,
) -> None:
    made, said = surveyed(folder(tmp_path, {"normal": 16_000, "worn": 12_000}))
    assert made.rate_hz == 12_000
    assert "--rate-hz 9600 or less" in said[-1]


def test_all_channels_are_read_unless_some_are_chosen(tmp_path: Path) -> None:
    root = folder(tmp_path, {"normal": 8000, "worn": 8000}, channels=3)
    assert surveyed(root)[0].data[0].channels == (0, 1, 2)
    assert surveyed(root, channels=(2,))[0].channels == 1


def test_more_recordings_are_more_steps_within_bounds(tmp_path: Path) -> None:
    short = surveyed(folder(tmp_path / "a", {"normal": 8000, "worn": 8000}))[0]
    long = surveyed(folder(tmp_path / "b", {"normal": 8000, "worn": 8000}, seconds=60.0))[0]
    assert (short.steps, long.steps) == (400, 700)
    assert short.stopping == recipe.Stopping(every=20)


def test_a_split_named_test_is_what_the_report_is_of(tmp_path: Path) -> None:
    rows = ["file,label,split"]
    for label in ("normal", "worn"):
        for split in ("train", "val", "test"):
            recorded(tmp_path / f"{label}-{split}.wav", 8000)
            rows.append(f"{label}-{split}.wav,{label},{split}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    made, _ = surveyed(tmp_path)
    source = made.data[0]
    assert (source.train, source.val, source.test) == (("train",), ("val",), ("test",))
    found = held_out.recordings(contract(made), tmp_path.parent, source, source.test)
    assert [each.file for each in found] == ["normal-test.wav", "worn-test.wav"]


def contract(made: Recipe) -> Contract:
    from models.export.onnx_export import contract_of
    from models.training.checkpoint import Checkpoint, untrained

    return contract_of(Checkpoint(made, untrained(made), 1.0, None))
