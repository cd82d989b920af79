"""`drsn-agent train`: the suffix of --out decides what it makes."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.core.errors import UserError
from models.cli import read_recordings
from models.command import needs_torch, positive, rate, say
from models.data import recipe as recipes
from models.data.recipe import Recipe
from models.networks.names import FAMILIES, PRESETS

if TYPE_CHECKING:
    from models.training.checkpoint import Checkpoint

SUFFIXES = (".onnx", ".pt", ".yaml")
OPTIONS = (  # of a training from a folder; a recipe has these itself
    *("rate_hz", "window", "channels", "variable", "bearing", "normal"),
    *("family", "preset", "steps", "batch", "seed", "version"),
)
MORE = """\
The suffix of --out decides what is made:
  fan.onnx  a model: trains, quantizes and measures; writes fan.onnx (INT8), fan.md (its card),
            fan.html and fan.json (report)
  fan.pt    a checkpoint, for the verb export
  fan.yaml  the recipe for these recordings, to edit and pass to --recipe

After an interruption the same command continues from the last save (fan.resume beside --out).
On several processes: torchrun --nproc-per-node 2 -m agent train ..."""


def train(parser: argparse.ArgumentParser) -> None:
    """Defines the arguments of `train`."""
    parser.epilog = MORE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "folder", nargs="?", type=Path, help="one folder for each label, or a manifest.csv"
    )
    parser.add_argument("--out", type=Path, required=True, help=".onnx, .pt or .yaml, see below")
    _add_options(parser.add_argument_group("instead of values derived from the recordings"))
    recipe = parser.add_argument_group("from a recipe, instead of a folder")
    recipe.add_argument("--recipe", type=Path, metavar="FILE", help="recipe (YAML)")
    recipe.add_argument("--data", type=Path, default=Path(), help="folder of its data sets (here)")
    running = parser.add_argument_group("how it runs")
    running.add_argument("--keep-float", action="store_true", help="keep fan.float.onnx as well")
    running.add_argument(
        "--keep-variants",
        action="store_true",
        help="write every form that `drsn-agent doctor --bench` chooses from",
    )
    running.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    running.add_argument(
        "--save-every", type=positive, default=50, metavar="STEPS", help="%(default)s"
    )
    running.add_argument(
        "--fresh", action="store_true", help="ignore the saved state of an earlier run"
    )
    parser.set_defaults(run=needs_torch(_run))


def _add_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rate-hz",
        type=rate,
        metavar="HZ",
        help="of the network, and of files without a rate (default: the smallest, at most 20 kHz)",
    )
    group.add_argument(
        "--window", type=positive, metavar="FRAMES", help="default: at most a quarter of a second"
    )
    group.add_argument(
        "--normal", nargs="+", metavar="LABEL", help="healthy labels (default: normal)"
    )
    read_recordings.add(group)
    group.add_argument("--family", help=f"{', '.join(FAMILIES)} (default: drsn-cw)")
    group.add_argument("--preset", help=f"{', '.join(PRESETS)} or another (default: deploy)")
    group.add_argument(
        "--version", help="of the model (default: that of an existing --out plus one, else 1)"
    )
    group.add_argument("--steps", type=int, help="at most (default: 400 to 1500 by the recordings)")
    group.add_argument(
        "--batch", type=int, metavar="WINDOWS", help="of all processes (default: 128)"
    )
    group.add_argument("--seed", type=int, help="default: 0")


def _run(arguments: argparse.Namespace) -> int:
    from models.training import early_checks
    from models.training.distributed import joined
    from models.training.resume import StateFile
    from models.training.train_and_calibrate import Session, fit

    out: Path = arguments.out
    if out.suffix not in SUFFIXES:
        raise UserError(f"--out: found {out}, expected a name that ends in {', '.join(SUFFIXES)}")
    first = os.environ.get("RANK", "0") == "0"  # of several processes only one prints and writes
    progress = say if first else _silent
    recipe, root = _recipe(arguments, progress)
    if out.suffix == ".yaml":
        return _write_recipe(recipe, out) if first else 0
    early_checks.check(recipe, root, progress)
    state = StateFile(out.with_suffix(".resume"), arguments.save_every)
    if arguments.fresh and first:
        state.discard()
    try:
        with joined(arguments.device) as group:
            checkpoint = fit(recipe, root, progress, Session(state, group))
    except KeyboardInterrupt:
        if state.path.is_file():
            progress(f"interrupted: the same command continues from {state.path}")
        raise
    if first:
        _finish(checkpoint, root, arguments)
        state.discard()
    return 0


def _finish(checkpoint: "Checkpoint", root: Path, arguments: argparse.Namespace) -> None:
    from models.release import card_text
    from models.release.package import Package, write_package
    from models.training import checkpoint as checkpoints

    out = arguments.out
    if out.suffix == ".pt":
        checkpoints.save(checkpoint, out)
        say(f"wrote {out}")
        return
    command = shlex.join(["drsn-agent", *sys.argv[1:]])
    text = card_text.for_user(command)
    package = Package(out, text, arguments.keep_float, arguments.keep_variants)
    write_package(checkpoint, root, package, say)
    say(f"wrote {out}, {out.stem}.md, {out.stem}.html and {out.stem}.json")


def _recipe(arguments: argparse.Namespace, say: Callable[[str], None]) -> tuple[Recipe, Path]:
    """The recipe, and the folder of its data sets."""
    from models.training.auto_recipe import RecipeOptions, recipe_for
    from models.training.early_checks import next_version

    options = {name: getattr(arguments, name) for name in OPTIONS}
    if arguments.folder is not None and arguments.recipe is None:
        folder = read_recordings.folder(arguments.folder)
        options["bearing"] = read_recordings.bearing(arguments)
        options["version"] = next_version(arguments.out.with_suffix(".onnx"), arguments.version)
        return recipe_for(folder, arguments.out.stem, RecipeOptions(**options), say), folder.parent
    if arguments.recipe is None or arguments.folder is not None:
        raise UserError("train: expected either a folder of recordings, or --recipe and --data")
    for name, value in options.items():
        if value is not None:
            raise UserError(
                f"--{name.replace('_', '-')}: found it beside --recipe, expected it in the recipe"
            )
    return recipes.load(arguments.recipe), arguments.data


def _write_recipe(recipe: Recipe, out: Path) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(recipes.text(recipe))
    say(f"wrote {out}")
    return 0


def _silent(line: str) -> None:
    pass
