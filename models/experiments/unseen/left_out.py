"""The released recipe trained without one rig, so that this rig is a machine nobody has recorded.

A network of each rig is trained once and kept; `preset`, `steps` and `batch` are smaller than a
release's by default, and the tables say which were used.
"""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.data import recipe as recipes
from models.data.listing import MANIFEST
from models.data.recordings import Recording
from models.experiments.unseen.variants import RELEASED, VARIANTS
from models.training.train import training_recordings

RECIPE = Path("models/zoo/bearing-orders.yaml")
HALF_VALIDATES = "1200"  # rpm of the self-built rig, where it alone stands for its set


@dataclass(frozen=True)
class Training:
    """How much of a release's training a left-out network gets."""

    preset: str = "small"
    steps: int = 500
    batch: int = 64
    seed: int = 0
    variant: str = RELEASED

    @property
    def name(self) -> str:
        variant = "" if self.variant == RELEASED else f"-{self.variant}"
        seed = f"-seed{self.seed}" if self.seed else ""
        return f"{self.preset}-{self.steps}x{self.batch}{variant}{seed}"


@dataclass(frozen=True)
class LeftOut:
    """A rig, the sets that stay whole, and which recordings of its own set stay."""

    rig: str
    folders: tuple[str, ...]
    keep: str = ""  # prefix of the files of hit_sm that stay; empty: all


RIGS = (
    LeftOut("cwru", ("hit_sm", "uestc")),
    LeftOut("hit_sm mfs", ("cwru", "hit_sm", "uestc"), keep="selfbuilt"),
    LeftOut("hit_sm selfbuilt", ("cwru", "hit_sm", "uestc"), keep="mfs"),
    LeftOut("uestc", ("cwru", "hit_sm")),
)
ALL_RIGS = LeftOut("no rig", ("cwru", "hit_sm", "uestc"))


def place(left: LeftOut, cache: Path, training: Training) -> Path:
    """The folder of that network: `network.onnx`, `recipe.yaml` and the `data` that it is of."""
    return cache / training.name / left.rig.replace(" ", "-")


def network(left: LeftOut, data: Path, cache: Path, training: Training) -> Path:
    """The float network trained without that rig; trained now where the cache lacks it."""
    folder = place(left, cache, training)
    model = folder / "network.onnx"
    if model.is_file():
        return model
    folder.mkdir(parents=True, exist_ok=True)
    root = _root(left, data.resolve(), folder / "data")
    recipe, checkpoint = folder / "recipe.yaml", folder / "network.pt"
    recipe.write_text(yaml.safe_dump(_recipe(left, training), sort_keys=False))
    _run("train", "--recipe", str(recipe), "--data", str(root), "--out", str(checkpoint))
    new = model.with_suffix(".new.onnx")
    _run("export", str(checkpoint), "--out", str(new))
    new.replace(model)
    return model


def recordings(left: LeftOut, data: Path, cache: Path, training: Training) -> list[Recording]:
    """What that network is trained on."""
    folder = place(left, cache, training)
    network(left, data, cache, training)
    return training_recordings(recipes.load(folder / "recipe.yaml"), folder / "data")


def _recipe(left: LeftOut, training: Training) -> dict[str, object]:
    fields: dict[str, Any] = yaml.safe_load(RECIPE.read_text())
    fields["data"] = [source for source in fields["data"] if source["folder"] in left.folders]
    return fields | {
        "name": f"without-{left.rig.replace(' ', '-')}",
        "preset": training.preset,
        "steps": training.steps,
        "batch": training.batch,
        "seed": training.seed,
        **VARIANTS[training.variant],
    }


def _root(left: LeftOut, data: Path, root: Path) -> Path:
    """A data root with the sets that stay; of hit_sm only the recordings of the rig that stays."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for folder in left.folders:
        if folder == "hit_sm" and left.keep:
            _one_rig(data / folder, root / folder, left.keep)
        else:
            (root / folder).symlink_to(data / folder)
    return root


def _one_rig(whole: Path, part: Path, prefix: str) -> None:
    """The manifest's rows of one rig; the self-built one validates at one of its two speeds."""
    part.mkdir()
    for folder in whole.iterdir():
        if folder.is_dir():
            (part / folder.name).symlink_to(folder)
    with (whole / MANIFEST).open(newline="") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or ())
        rows = [row for row in reader if row["file"].startswith(prefix)]
    if not any(row["split"] == "val" for row in rows):
        for row in rows:
            row["split"] = "val" if row["rpm"] == HALF_VALIDATES else "train"
    with (part / MANIFEST).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _run(*arguments: str) -> None:
    """A verb of `models`, with one processor."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "models", *arguments], check=True, env=environment)


def networks(
    data: Path, cache: Path, training: Training, say: Callable[[str], None]
) -> dict[str, Path]:
    """The network of each rig that is left out, by the rig's name."""
    models: dict[str, Path] = {}
    for left in RIGS:
        say(f"the network without {left.rig} ({training.name})")
        models[left.rig] = network(left, data, cache, training)
    return models
