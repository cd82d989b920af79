"""The verbs train, export, quantize and evaluate; `python -m models.commands release`, for the zoo.

Torch is imported when a verb runs, not before: without it the verbs still explain themselves.
"""

import argparse
import contextlib
import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from agent.errors import UserError
from models import data
from models import recipe as recipes
from models.noises import Draw
from models.recipe import Recipe

Run = Callable[[argparse.Namespace], int]


def train(parser: argparse.ArgumentParser) -> None:
    """Train a network: by a recipe, or on a folder that has one folder a label."""
    parser.description = train.__doc__
    parser.add_argument("folder", nargs="?", type=Path, help="recordings, one folder a label")
    parser.add_argument("--recipe", type=Path, help="a recipe (YAML) instead of a folder")
    parser.add_argument("--data", type=Path, default=Path(), help="where the recipe's data lie")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--rate-hz", type=float, help="rate that the network runs at")
    parser.add_argument("--window", type=int, default=4096, help="frames a window (%(default)s)")
    parser.add_argument("--normal", default="normal", help="the healthy label (%(default)s)")
    parser.add_argument("--family", default="drsn-cw", help="%(default)s")
    parser.add_argument("--preset", default="deploy", help="%(default)s")
    parser.add_argument("--steps", type=int, default=1500, help="%(default)s")
    parser.add_argument("--batch", type=int, default=128, help="windows a step (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    parser.set_defaults(run=_needs_torch(_train))


def export(parser: argparse.ArgumentParser) -> None:
    """Write a trained network as one float ONNX file."""
    parser.description = export.__doc__
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True, help=".onnx file to write")
    parser.set_defaults(run=_needs_torch(_export))


def quantize(parser: argparse.ArgumentParser) -> None:
    """Write the INT8 form of a float ONNX file."""
    parser.description = quantize.__doc__
    parser.add_argument("model", type=Path, help="float .onnx file")
    parser.add_argument("--data", type=Path, required=True, help="recordings that it trained on")
    parser.add_argument("--recipe", type=Path, help="its recipe: --data is then the recipe's root")
    parser.add_argument("--out", type=Path, required=True, help=".onnx file to write")
    parser.set_defaults(run=_needs_torch(_quantize))


def evaluate(parser: argparse.ArgumentParser) -> None:
    """Measure a model file on recordings, in every noise: a JSON and an HTML report."""
    parser.description = evaluate.__doc__
    parser.add_argument("model", type=Path, help="a name in the zoo or an .onnx file")
    parser.add_argument("--data", type=Path, required=True, help="recordings: manifest or folders")
    parser.add_argument("--out", type=Path, required=True, help=".html file; .json beside it")
    parser.add_argument("--split", default="val", help="side to judge on (%(default)s)")
    parser.add_argument("--backgrounds", type=Path, help="recordings to use as noise as well")
    parser.add_argument("--hop-s", type=float, default=0.1, help="of the agent (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    parser.set_defaults(run=_evaluate)


def release(parser: argparse.ArgumentParser) -> None:
    """Rebuild a released network and its card from the recipe."""
    parser.description = release.__doc__
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="where the recipe's data lie")
    parser.add_argument("--work", type=Path, default=Path("runs"), help="checkpoints (%(default)s)")
    parser.add_argument("--out", type=Path, help=".onnx file to write (beside the recipe)")
    parser.set_defaults(run=_needs_torch(_release))


def _train(arguments: argparse.Namespace) -> int:
    from models.checkpoint import save
    from models.fit import fit
    from models.release import teller

    if arguments.recipe:
        recipe, root = recipes.load(arguments.recipe), arguments.data
    else:
        recipe, root = _own_recipe(arguments), arguments.folder.resolve().parent
    save(fit(recipe, root, teller(recipe, _say)), arguments.out)
    _say(f"wrote {arguments.out}")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from models import export
    from models.checkpoint import load

    saved = load(arguments.checkpoint)
    export.export(saved, arguments.out, export.contract_of(saved))
    _say(f"wrote {arguments.out}")
    return 0


def _quantize(arguments: argparse.Namespace) -> int:
    from models import quantize

    given = recipes.load(arguments.recipe) if arguments.recipe else None
    quantize.quantize_file(arguments.model, arguments.data, given, arguments.out)
    _say(f"wrote {arguments.out}")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from agent import classify, zoo
    from models import backgrounds, report
    from models import evaluate as judge

    network, folder = classify.load(zoo.find(str(arguments.model))), arguments.data.resolve()
    contract, seed, hop_s = network.contract, arguments.seed, arguments.hop_s
    recordings = judge.held_back(network, folder, arguments.split)
    recorded: dict[str, Draw] = {}
    if arguments.backgrounds:
        recorded = backgrounds.load(arguments.backgrounds, contract.rate_hz, contract.window)
    conditions = judge.evaluate(network, recordings, recorded, seed, hop_s, _say)
    found = judge.described(network, folder, arguments.split, recordings, conditions, seed, hop_s)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.with_suffix(".json").write_bytes(msgspec.json.encode(found))
    arguments.out.with_suffix(".html").write_text(report.page(found))
    _say(f"wrote {arguments.out.with_suffix('.html')} and .json")
    return 0


def _release(arguments: argparse.Namespace) -> int:
    from models.release import release

    recipe = recipes.load(arguments.recipe)
    out = arguments.out or arguments.recipe.with_suffix(".onnx")
    release(recipe, arguments.data, arguments.work / recipe.name, out, _say)
    _say(f"wrote {out} and its card")
    return 0


def _own_recipe(arguments: argparse.Namespace) -> Recipe:
    """The recipe for a user's own folder."""
    if arguments.folder is None or arguments.rate_hz is None:
        raise UserError("train: expected either --recipe, or a folder and --rate-hz")
    folder = arguments.folder.resolve()
    labels = data.labels(folder)
    if arguments.normal not in labels:
        found = ", ".join(labels)
        raise UserError(f"{folder}: found labels {found}, expected {arguments.normal!r} (--normal)")
    same = ("rate_hz", "window", "family", "preset", "steps", "batch", "seed")
    fields = {name: getattr(arguments, name) for name in same}
    fields |= {"name": folder.name, "labels": labels, "normal": [arguments.normal]}
    return recipes.checked(fields | {"data": [{"folder": folder.name}]}, "train")


def _needs_torch(run: Run) -> Run:
    def checked(arguments: argparse.Namespace) -> int:
        if not all(map(importlib.util.find_spec, ("torch", "onnx", "onnxscript"))):
            raise UserError("this verb needs the train extra: pip install 'drsn-agent[train]'")
        try:
            with _quiet():
                return run(arguments)
        except OSError as error:
            raise UserError(f"{error.filename}: {error.strerror}") from None

    return checked


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter and the quantizer tell their own developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.disable(before)


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """`python -m models.commands VERB`: the agent's verbs, and `release`."""
    parser = argparse.ArgumentParser(prog="python -m models.commands")
    verbs = parser.add_subparsers(required=True)
    for verb in (train, export, quantize, evaluate, release):
        verb(verbs.add_parser(verb.__name__))
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
