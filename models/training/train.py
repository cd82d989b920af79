"""Training: one recipe, one seed, one network; see `models.training.trainer` for a step."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from agent.core.errors import UserError
from models.data import simulate
from models.data.batches import at_speeds
from models.data.recipe import Recipe
from models.data.recordings import Recording, load
from models.training.distributed import ALONE, ProcessGroup
from models.training.early_stopping import EarlyStopping
from models.training.resume import Store
from models.training.trainer import Trainer

Progress = Callable[[int, float], None]  # step, smoothed loss


def train(
    recipe: Recipe,
    recordings: Sequence[Recording],
    progress: Progress,
    watch: EarlyStopping | None = None,
    store: Store | None = None,
    group: ProcessGroup = ALONE,
) -> nn.Module:
    """The recipe's network, trained on those recordings, in evaluation mode on the CPU.

    With `watch` it ends early where that is enough, and has the best weights; else all steps are
    done and the last weights kept. With `store` it goes on where a training was interrupted.
    """
    trainer = Trainer(recipe, recordings, group)
    parts: dict[str, Trainer | EarlyStopping] = {"learner": trainer} | (
        {"watch": watch} if watch else {}
    )
    begun = store.begun() if store else None
    if begun:
        for name, part in parts.items():
            part.restore(begun[name])
    saved = trainer.step
    while trainer.step < recipe.steps and not (watch and watch.enough):
        trainer.advance()
        progress(trainer.step, trainer.loss)
        if watch:
            watch.look(trainer.network, trainer.step)
        if store and trainer.step % store.file.every == 0:
            store.keep({name: part.state() for name, part in parts.items()})
            saved = trainer.step
    if store and saved < trainer.step:
        store.keep({name: part.state() for name, part in parts.items()})
    if watch:
        watch.keep_best(trainer.network)
    return trainer.network.cpu().eval()


def training_recordings(recipe: Recipe, root: Path) -> list[Recording]:
    """The training side of every data set of the recipe, and the simulated machines.

    UserError where a label has none, or one is shorter than a window.
    """
    found = []
    for source in recipe.data:
        recordings = load(root, source, source.train, recipe.labels, recipe.rate_hz)
        found += at_speeds(recordings, source.speeds)
    if recipe.simulated:
        count, seconds = recipe.simulated.machines, recipe.simulated.seconds
        found += simulate.machines(count, seconds, recipe.seed, recipe.rate_hz)
    _check(found, recipe, root)
    return found


def _check(recordings: Sequence[Recording], recipe: Recipe, root: Path) -> None:
    missing = set(recipe.labels) - {recording.label for recording in recordings}
    if missing:
        raise UserError(f"{root}: found no training recording of {', '.join(sorted(missing))}")
    for recording in recordings:
        frames = recording.samples.shape[-1]
        if frames < recipe.window:
            raise UserError(
                f"{root}: {recording.file}: found {frames} frames at {recipe.rate_hz:g} Hz, "
                f"expected at least a window of {recipe.window}"
            )
