"""`python -m models.speech.release`: the network of spoken digits, its controls, file and card.

Every family is trained by the recipe with several seeds. The figures are those of the files, run as
the agent runs them. Results that are already in --work are used again.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import onnx

from agent.core.model_contract import Decide
from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from models import command
from models.command import needs_torch, positive, say
from models.data import recipe as recipes
from models.data import validation
from models.data.recipe import Recipe
from models.data.recordings import Recording
from models.evaluation import model_file
from models.export import forms
from models.export.onnx_export import write
from models.speech import card, sentences
from models.speech import run as speech_run
from models.speech.card_results import CardData
from models.speech.evaluation import CONDITIONS, figure_name
from models.speech.run import Material, SpeechRun
from models.speech.sentences import WordResults
from models.training import checkpoint as checkpoints
from models.training.progress import Say

SEEDS = (0, 1, 2)  # the first is released, whatever the figures of the others
SENTENCES_DB = (20.0, 10.0, 5.0, 0.0)
RECIPE = Path(__file__).parents[1] / "zoo" / "digits.yaml"


@dataclass(frozen=True)
class Paths:
    """The folder of the data sets, the folder of intermediate files, and the file to write."""

    data: Path
    work: Path
    out: Path


def release(recipe: Recipe, paths: Paths, seeds: Sequence[int], say: Say) -> None:
    """Writes the INT8 network of the first seed to `places.out`, and its card beside it."""
    shared = speech_run.material(recipe, paths.data)
    say(f"{len(shared.recordings)} recordings to train on")
    runs = []
    for variant in _recipes(recipe, seeds):
        runs.append(speech_run.run(variant, shared, _folder(paths.work, variant), say))
        say(card.line(runs[-1]))
    folder = _folder(paths.work, msgspec.structs.replace(recipe, seed=seeds[0]))
    _publish(runs[0], recipe, shared.recordings, folder, paths.out)
    data = _card_data(recipe, paths, shared, folder)
    paths.out.with_suffix(".md").write_text(card.text(recipe, runs, data, paths.out))


def _recipes(recipe: Recipe, seeds: Sequence[int]) -> Iterator[Recipe]:
    """The recipe of each family and seed, the released one first."""
    for seed in seeds:
        for family in (recipe.family, *recipe.controls):
            yield msgspec.structs.replace(recipe, family=family, seed=seed)


def _folder(work: Path, recipe: Recipe) -> Path:
    return work / f"{recipe.family}-{recipe.seed}"


def _publish(
    run: SpeechRun, recipe: Recipe, recordings: list[Recording], folder: Path, out: Path
) -> None:
    """The INT8 file and its other forms, with figures and the recipe's decision in the contract."""
    figures = {figure_name("f1", name): round(run.f1["int8"][name], 4) for name in CONDITIONS}
    figures |= {figure_name("agreement", n): round(run.agreement[n], 4) for n in CONDITIONS}
    contract = msgspec.structs.replace(
        speech_run.contract(checkpoints.load(folder / "net.pt")),
        precision="int8",
        figures=figures,
        decide=recipe.decide,
    )
    write(onnx.load(folder / "int8.onnx"), out, contract)
    float_f1 = {figure_name("f1", name): run.f1["float32"][name] for name in CONDITIONS}
    forms.write_all(
        folder / "float32.onnx",
        msgspec.structs.replace(contract, figures=float_f1),
        validation.calibration(recipe, recordings),
        forms.paths_in_zoo(out),
    )


def _card_data(recipe: Recipe, paths: Paths, shared: Material, folder: Path) -> CardData:
    released = classifier.load(paths.out)
    networks = {name: classifier.load(folder / f"{name}.onnx") for name in speech_run.PRECISIONS}
    clean = shared.windows["clean"]
    batches = {"1": clean.samples[:1], "16": clean.samples[:16]}
    counts = Counter(int(target) for target in clean.targets)
    return CardData(
        recordings=Counter(recording.machine for recording in shared.recordings),
        windows={label: counts[index] for index, label in enumerate(recipe.labels)},
        sentences={
            level: _sentence_results(released, recipe, paths.data, level) for level in SENTENCES_DB
        },
        window_us={size: model_file.window_us(networks, batch) for size, batch in batches.items()},
    )


def _sentence_results(
    network: OnnxClassifier, recipe: Recipe, root: Path, snr_db: float
) -> dict[str, WordResults]:
    """Results with the file's own settings of the decision, and with those for a machine."""
    hop_s, settings = sentences.HOP_S, {"own": recipe.decide, "machine": Decide()}
    results: dict[str, list[WordResults]] = {name: [] for name in settings}
    for sentence in sentences.sentences(recipe, root, snr_db):
        predictions = sentences.predictions(network, sentence, hop_s)
        for name, decide in settings.items():
            events = sentences.events(network.contract, predictions, decide, hop_s)
            results[name].append(sentences.score(sentence, events))
    return {name: sentences.total(scores) for name, scores in results.items()}


def parser() -> argparse.ArgumentParser:
    """The arguments of `python -m models.speech.release`."""
    parser = argparse.ArgumentParser(prog="python -m models.speech.release", description=__doc__)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recipe's data sets")
    parser.add_argument("--work", type=Path, default=Path("runs/speech"), help="%(default)s")
    parser.add_argument("--out", type=Path, help=".onnx file to write (beside the recipe)")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="the first is released")
    parser.add_argument("--steps", type=positive, help="of training (the recipe's)")
    parser.set_defaults(run=needs_torch(_run))
    return parser


def _run(arguments: argparse.Namespace) -> int:
    recipe = recipes.load(arguments.recipe)
    if arguments.steps is not None:
        recipe = msgspec.structs.replace(recipe, steps=arguments.steps)
    out = arguments.out or arguments.recipe.with_suffix(".onnx")
    release(recipe, Paths(arguments.data, arguments.work, out), arguments.seeds, say)
    say(f"wrote {out} and its card")
    return 0


if __name__ == "__main__":
    sys.exit(command.main(parser()))
