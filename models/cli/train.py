"""`drsn-agent train`: how far it goes is said by the suffix of --out."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.core.errors import UserError
from models.cli import read_recordings
from models.data import recipe as recipes
from models.data.recipe import Recipe
from models.guard import needs_torch, positive, rate, say

if TYPE_CHECKING:
    from models.training.checkpoint import Checkpoint

SUFFIXES = (".onnx", ".pt", ".yaml")
WISHES = (
    *("rate_hz", "window", "channels", "variable", "bearing", "normal"),
    *("family", "preset", "steps", "batch", "seed"),
)
MORE = """\
what --out says, by its suffix:
  fan.onnx  everything: trains, quantizes, measures; writes fan.onnx (INT8), fan.md (its card),
            fan.html and fan.json (report)
  fan.pt    a checkpoint, for the verb export
  fan.yaml  the recipe that follows from the recordings, to be changed and given to --recipe

Interrupted, the same command goes on from where it was last saved (fan.resume beside --out).
On several processes: torchrun --nproc-per-node 2 -m agent train ..."""


def train(parser: argparse.ArgumentParser) -> None:
    """Recordings, a folder a label, to an INT8 file and its report, in one command."""
    parser.description, parser.epilog = train.__doc__, MORE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "folder", nargs="?", type=Path, help="one folder a label, or a manifest.csv"
    )
    parser.add_argument("--out", type=Path, required=True, help=".onnx, .pt or .yaml, see below")
    _add_wishes(parser.add_argument_group("instead of what follows from the recordings"))
    again = parser.add_argument_group("from a recipe, instead of a folder")
    again.add_argument("--recipe", type=Path, metavar="FILE", help="recipe (YAML)")
    again.add_argument("--data", type=Path, default=Path(), help="where its data lie (here)")
    running = parser.add_argument_group("how it runs")
    running.add_argument("--keep-float", action="store_true", help="keep fan.float.onnx as well")
    running.add_argument(
        "--keep-variants",
        action="store_true",
        help="every form that `drsn-agent doctor --bench` chooses from",
    )
    running.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    running.add_argument(
        "--save-every", type=positive, default=50, metavar="STEPS", help="%(default)s"
    )
    running.add_argument("--fresh", action="store_true", help="do not go on with what was saved")
    parser.set_defaults(run=needs_torch(_run))


def _add_wishes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rate-hz",
        type=rate,
        metavar="HZ",
        help="of the network, and of files that do not say theirs; the smallest, 20 kHz at most",
    )
    group.add_argument(
        "--window", type=positive, metavar="FRAMES", help="a quarter of a second at most"
    )
    group.add_argument("--normal", nargs="+", metavar="LABEL", help="the healthy ones (normal)")
    read_recordings.add(group)
    group.add_argument("--family", help="drsn-cw")
    group.add_argument("--preset", help="deploy")
    group.add_argument("--steps", type=int, help="at most; 400 to 1500 by the recordings")
    group.add_argument("--batch", type=int, metavar="WINDOWS", help="of all processes (128)")
    group.add_argument("--seed", type=int, help="0")


def _run(arguments: argparse.Namespace) -> int:
    from models.training.distributed import joined
    from models.training.resume import StateFile
    from models.training.train_and_calibrate import Session, fit

    out: Path = arguments.out
    if out.suffix not in SUFFIXES:
        raise UserError(f"--out: found {out}, expected a name that ends in {', '.join(SUFFIXES)}")
    first = os.environ.get("RANK", "0") == "0"  # of several processes only one speaks and writes
    tell = say if first else _hush
    recipe, root = _recipe(arguments, tell)
    if out.suffix == ".yaml":
        return _write_recipe(recipe, out) if first else 0
    state = StateFile(out.with_suffix(".resume"), arguments.save_every)
    if arguments.fresh and first:
        state.discard()
    try:
        with joined(arguments.device) as group:
            saved = fit(recipe, root, tell, Session(state, group))
    except KeyboardInterrupt:
        if state.path.is_file():
            tell(f"interrupted: the same command goes on from {state.path}")
        raise
    if first:
        _finish(saved, root, arguments)
        state.discard()
    return 0


def _finish(saved: "Checkpoint", root: Path, arguments: argparse.Namespace) -> None:
    from models.release import card_text
    from models.release.package import write_package
    from models.training import checkpoint

    out = arguments.out
    if out.suffix == ".pt":
        checkpoint.save(saved, out)
        say(f"wrote {out}")
        return
    command = shlex.join(["drsn-agent", *sys.argv[1:]])
    keep = arguments.keep_float, say, arguments.keep_variants
    write_package(saved, root, out, card_text.own(command), *keep)
    say(f"wrote {out}, {out.stem}.md, {out.stem}.html and {out.stem}.json")


def _recipe(arguments: argparse.Namespace, tell: Callable[[str], None]) -> tuple[Recipe, Path]:
    """The recipe, and the folder that its data sets lie in."""
    from models.training.auto_recipe import RecipeOptions, recipe_for

    given = {name: getattr(arguments, name) for name in WISHES}
    if arguments.folder is not None and arguments.recipe is None:
        folder = read_recordings.folder(arguments.folder)
        return recipe_for(folder, arguments.out.stem, RecipeOptions(**given), tell), folder.parent
    if arguments.recipe is None or arguments.folder is not None:
        raise UserError("train: expected either a folder of recordings, or --recipe and --data")
    for name, value in given.items():
        if value is not None:
            raise UserError(f"--{name.replace('_', '-')}: a recipe says that itself")
    return recipes.load(arguments.recipe), arguments.data


def _write_recipe(recipe: Recipe, out: Path) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(recipes.text(recipe))
    say(f"wrote {out}")
    return 0


def _hush(line: str) -> None:
    pass
