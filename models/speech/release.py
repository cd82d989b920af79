"""`python -m models.speech.release`: the network of spoken digits, its controls, file and card.

Every family is trained by the recipe with several seeds; figures are of the files themselves, as
the agent runs them. What is there in --work is not made again.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import onnx

from agent.core.errors import UserError
from agent.core.model_contract import Decide
from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from models.data import recipe as recipes
from models.data import validation
from models.data.recipe import Recipe
from models.data.recordings import Recording
from models.evaluation import model_file
from models.export import forms
from models.export.onnx_export import write
from models.guard import needs_torch, say
from models.speech import card, sentences
from models.speech import run as speech_run
from models.speech.card import Shown
from models.speech.evaluation import CONDITIONS
from models.speech.run import Material, SpeechRun
from models.speech.sentences import WordResults
from models.training import checkpoint as checkpoints
from models.training.progress import Say

SEEDS = (0, 1, 2)  # the first is released, whatever the others come to
SENTENCES_DB = (20.0, 10.0, 5.0, 0.0)
RECIPE = Path(__file__).parents[1] / "zoo" / "digits.yaml"


def release(
    recipe: Recipe, root: Path, work: Path, out: Path, seeds: Sequence[int], tell: Say
) -> None:
    """Writes the INT8 network of the first seed to `out`, and beside it its card."""
    shared = speech_run.material(recipe, root)
    tell(f"{len(shared.recordings)} recordings to train on")
    runs = []
    for own in _recipes(recipe, seeds):
        runs.append(speech_run.run(own, shared, _folder(work, own), tell))
        tell(card.line(runs[-1]))
    folder = _folder(work, msgspec.structs.replace(recipe, seed=seeds[0]))
    _publish(runs[0], recipe, shared.recordings, folder, out)
    shown = _shown(recipe, root, shared, folder, classifier.load(out))
    out.with_suffix(".md").write_text(card.text(recipe, runs, shown, out))


def _recipes(recipe: Recipe, seeds: Sequence[int]) -> Iterator[Recipe]:
    """The released one first."""
    for seed in seeds:
        for family in (recipe.family, *recipe.controls):
            yield msgspec.structs.replace(recipe, family=family, seed=seed)


def _folder(work: Path, recipe: Recipe) -> Path:
    return work / f"{recipe.family}-{recipe.seed}"


def _publish(
    run: SpeechRun, recipe: Recipe, recordings: list[Recording], folder: Path, out: Path
) -> None:
    """The INT8 file, with what was measured and the recipe's decision in its contract."""
    told = {f"f1_{name}": run.f1["int8"][name] for name in CONDITIONS}
    told |= {f"agreement_{name}": run.agreement[name] for name in CONDITIONS}
    named = {key.replace(" ", "").lower(): round(value, 4) for key, value in told.items()}
    contract = speech_run.contract(checkpoints.load(folder / "net.pt"))
    changed = msgspec.structs.replace(
        contract, precision="int8", figures=named, decide=recipe.decide
    )
    write(onnx.load(folder / "int8.onnx"), out, changed)
    float_f1 = {
        f"f1_{name}".replace(" ", "").lower(): run.f1["float32"][name] for name in CONDITIONS
    }
    forms.write_all(
        folder / "float32.onnx",
        msgspec.structs.replace(changed, figures=float_f1),
        validation.calibration(recipe, recordings),
        forms.zoo(out),
    )


def _shown(
    recipe: Recipe, root: Path, shared: Material, folder: Path, network: OnnxClassifier
) -> Shown:
    networks = {name: classifier.load(folder / f"{name}.onnx") for name in speech_run.PRECISIONS}
    clean = shared.judged["clean"]
    batches = {"1": clean.samples[:1], "16": clean.samples[:16]}
    counts = Counter(int(target) for target in clean.targets)
    return Shown(
        recordings=Counter(recording.machine for recording in shared.recordings),
        windows={label: counts[index] for index, label in enumerate(recipe.labels)},
        sentences={level: _heard(network, recipe, root, level) for level in SENTENCES_DB},
        window_us={size: model_file.window_us(networks, batch) for size, batch in batches.items()},
    )


def _heard(
    network: OnnxClassifier, recipe: Recipe, root: Path, snr_db: float
) -> dict[str, WordResults]:
    """By the file's own settings of the decision, and by those of a machine."""
    hop_s, settings = sentences.HOP_S, {"own": recipe.decide, "machine": Decide()}
    each: dict[str, list[WordResults]] = {name: [] for name in settings}
    for sentence in sentences.sentences(recipe, root, snr_db):
        said = sentences.answers(network, sentence, hop_s)
        for name, decide in settings.items():
            found = sentences.events(network.contract, said, decide, hop_s)
            each[name].append(sentences.heard(sentence, found))
    return {name: sentences.total(heard) for name, heard in each.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.speech.release", description=__doc__)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--data", type=Path, required=True, help="where the recipe's data lie")
    parser.add_argument("--work", type=Path, default=Path("runs/speech"), help="%(default)s")
    parser.add_argument("--out", type=Path, help=".onnx file to write (beside the recipe)")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="the first is released")
    parser.set_defaults(run=needs_torch(_run))
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace) -> int:
    recipe = recipes.load(arguments.recipe)
    out = arguments.out or arguments.recipe.with_suffix(".onnx")
    release(recipe, arguments.data, arguments.work, out, arguments.seeds, say)
    say(f"wrote {out} and its card")
    return 0


if __name__ == "__main__":
    sys.exit(main())
