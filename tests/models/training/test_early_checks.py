"""Before the first step, training tells what would make it worthless, and what to do."""

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.core.errors import UserError
from models.cli import main
from models.data.recipe import Recipe, checked
from models.networks import names
from models.training.early_checks import check, next_version
from tests.support import tiny

RATE_HZ = 2000


def data_set(folder: Path, *rows: tuple[str, str, str], rpm: float | None = None) -> Path:
    """A folder with a manifest of (file, label, split); every file is noise of its own."""
    folder.mkdir(exist_ok=True)
    for number, (file, _, _) in enumerate(rows):
        noise = 0.1 * np.random.default_rng(number).standard_normal(2000)
        soundfile.write(folder / file, noise, RATE_HZ, "PCM_16")
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as manifest:
        writer = csv.writer(manifest)
        writer.writerow(["file", "label", "split", "rpm"])
        writer.writerows([*row, rpm or ""] for row in rows)
    return folder


def twice(*labels: str) -> list[tuple[str, str, str]]:
    return [
        (f"{number}-{split}.wav", label, split)
        for number, label in enumerate(labels)
        for split in ("train", "val")
    ]


def recipe(folder: Path, *labels: str, normal: str = "normal", family: str = "drsn-cw") -> Recipe:
    fields: dict[str, object] = {"name": "fan", "labels": labels, "normal": [normal]}
    fields |= {
        "family": family,
        "rate_hz": RATE_HZ,
        "window": 256,
        "data": [{"folder": folder.name}],
    }
    return checked(fields, "test")


def said(folder: Path, made: Recipe) -> list[str]:
    lines: list[str] = []
    check(made, folder.parent, lines.append)
    return lines


def test_a_sound_data_set_is_told_what_is_healthy_and_nothing_else(tmp_path: Path) -> None:
    folder = data_set(tmp_path / "fan", *twice("normal", "outer"))
    assert said(folder, recipe(folder, "normal", "outer")) == ["healthy: normal; a fault: outer"]


@pytest.mark.parametrize("label", ["off", "Stillstand", "ok", "gesund"])
def test_a_label_that_is_hardly_a_fault_is_told_with_what_to_write(
    label: str, tmp_path: Path
) -> None:
    folder = data_set(tmp_path / "fan", *twice("normal", label))
    (note,) = said(folder, recipe(folder, "normal", label))[1:]
    assert note.startswith(f"note: {label!r} will be called a fault")
    assert note.endswith(f"write --normal normal {label}")


@pytest.mark.parametrize("other", ["Outer", "outer ", "out-er", "OUTER_"])
def test_labels_that_differ_in_case_or_signs_alone_are_refused(other: str, tmp_path: Path) -> None:
    folder = data_set(tmp_path / "fan", *twice("normal", "outer", other))
    with pytest.raises(UserError, match="expected one name for one condition"):
        said(folder, recipe(folder, "normal", "outer", other))


def test_labels_that_are_nearly_alike_are_told_and_numbers_are_not(tmp_path: Path) -> None:
    labels = ("normal", "imbalance", "imbalanse", "load 1", "load 2")
    folder = data_set(tmp_path / "fan", *twice(*labels))
    notes = [line for line in said(folder, recipe(folder, *labels)) if "alike" in line]
    assert notes == [
        "note: the labels 'imbalance' and 'imbalanse' are nearly alike: is one misspelt?"
    ]


def test_a_label_of_one_recording_or_of_one_split_is_told(tmp_path: Path) -> None:
    rows = [*twice("normal"), ("a.wav", "outer", "train")]
    rows += [("b.wav", "inner", "train"), ("c.wav", "inner", "train")]
    folder = data_set(tmp_path / "fan", *rows)
    one, split = said(folder, recipe(folder, "normal", "outer", "inner"))[1:]
    assert "one recording of 'outer'" in one
    assert "record it twice or more" in one
    assert "all recordings of 'inner' are in the split train" in split


@pytest.mark.parametrize("family", names.READ_RUNNING[::3])
def test_a_family_that_reads_speeds_is_told_where_there_are_none(
    family: str, tmp_path: Path
) -> None:
    folder = data_set(tmp_path / "fan", *twice("normal", "outer"))
    (note,) = said(folder, recipe(folder, "normal", "outer", family=family))[1:]
    assert f"{family} reads speed and bearing, and 4 of 4 recordings have no rpm" in note
    assert "--family drsn-cw" in note
    folder = data_set(tmp_path / "fan", *twice("normal", "outer"), rpm=1500)
    (note,) = said(folder, recipe(folder, "normal", "outer", family=family))[1:]
    assert "and there is no bearing" in note


def test_one_signal_under_two_labels_is_told_with_both_files(tmp_path: Path) -> None:
    folder = data_set(tmp_path / "fan", *twice("normal", "outer"))
    soundfile.write(
        folder / "1-train.wav", soundfile.read(folder / "0-train.wav")[0], RATE_HZ, "PCM_24"
    )
    (note,) = said(folder, recipe(folder, "normal", "outer"))[1:]
    assert "0-train.wav (normal) and " in note
    assert "1-train.wav (outer) are the same signal: which label is right?" in note


def test_a_leak_is_refused_before_the_first_step_by_the_verb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    folder = data_set(tmp_path / "fan", *twice("normal", "outer"))
    (folder / "1-val.wav").write_bytes((folder / "0-train.wav").read_bytes())
    parser = argparse.ArgumentParser()
    main.train(parser)
    out = tmp_path / "fan.onnx"
    parsed = parser.parse_args([str(folder), "--out", str(out), "--steps", "10"])
    with pytest.raises(UserError, match="expected no recording on both sides of the split"):
        parsed.run(parsed)
    assert "step 10 of 10" not in capsys.readouterr().out
    assert not out.exists()


def test_the_version_follows_that_of_the_model_that_is_there(tmp_path: Path) -> None:
    out = tmp_path / "fan.onnx"
    assert next_version(out, None) == "1"
    tiny.write(out)
    assert next_version(out, None) == "2"
    assert next_version(out, "7.1") == "7.1"


def test_help_names_every_family_and_the_presets_that_all_have() -> None:
    pytest.importorskip("torch")
    from models.networks import envelope, mel_resnet, registry, residual, wdcnn

    assert tuple(registry.FAMILIES) == names.FAMILIES
    for module in (envelope, mel_resnet, residual, wdcnn):
        assert set(names.PRESETS) <= set(module.SHAPES)
    line, wide = [sys.executable, "-m", "agent", "train", "--help"], os.environ | {"COLUMNS": "300"}
    shown = subprocess.run(line, capture_output=True, text=True, check=True, env=wide).stdout
    words = shown.replace(",", " ").split()
    assert set(names.FAMILIES) <= set(words)
    assert "--version" in words
