"""Trains one network by one recipe; `models.training.trainer` has a single step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from agent.core.errors import UserError
from models.data import random_machines, simulate
from models.data.batches import at_speeds
from models.data.recipe import Recipe
from models.data.recordings import Recording, load
from models.training.distributed import SINGLE, ProcessGroup
from models.training.early_stopping import EarlyStopping
from models.training.resume import Store
from models.training.trainer import Trainer

Progress = Callable[[int, float], None]  # step, smoothed loss


@dataclass(frozen=True)
class TrainingControl:
    """When a training ends, where it is saved, and which processes take part.

    Without `early_stopping` all steps are done and the last weights kept; with it the best weights
    are kept. With `store` an interrupted training goes on from its saved state.
    """

    early_stopping: EarlyStopping | None = None
    store: Store | None = None
    group: ProcessGroup = SINGLE


def train(
    recipe: Recipe,
    recordings: Sequence[Recording],
    progress: Progress,
    control: TrainingControl | None = None,
) -> nn.Module:
    """The recipe's network, trained on `recordings`, in evaluation mode on the CPU."""
    control = control or TrainingControl()
    stopping, store = control.early_stopping, control.store
    trainer = Trainer(recipe, recordings, control.group)
    parts: dict[str, Trainer | EarlyStopping] = {"learner": trainer}  # keys of the state file
    if stopping:
        parts["watch"] = stopping
    saved = _restored(parts, store)
    while trainer.step < recipe.steps and not (stopping and stopping.enough):
        trainer.advance()
        progress(trainer.step, trainer.loss)
        if stopping:
            stopping.update(trainer.network, trainer.step)
        if store and trainer.step % store.file.every == 0:
            saved = _save(parts, store, trainer.step)
    if store and saved < trainer.step:
        _save(parts, store, trainer.step)
    if stopping:
        stopping.load_best(trainer.network)
    return trainer.network.cpu().eval()


def _restored(parts: Mapping[str, Trainer | EarlyStopping], store: Store | None) -> int:
    """Restores a saved state, where there is one; returns the step that it is of."""
    state = store.load() if store else None
    if state is None:
        return 0
    for name, part in parts.items():
        part.restore(state[name])
    return int(state["learner"]["step"])


def _save(parts: Mapping[str, Trainer | EarlyStopping], store: Store, step: int) -> int:
    store.save({name: part.state() for name, part in parts.items()})
    return step


def training_recordings(recipe: Recipe, root: Path) -> list[Recording]:
    """The training recordings of every data set of the recipe, and the simulated machines.

    Raises UserError where a label has none, or where one is shorter than a window.
    """
    training = []
    for source in recipe.data:
        recordings = load(root, source, source.train, recipe.labels, recipe.rate_hz)
        training += at_speeds(recordings, source.speeds)
    if recipe.simulated:
        drawn = recipe.simulated
        training += simulate.machines(drawn.machines, drawn.seconds, recipe.seed, recipe.rate_hz)
        training += random_machines.recordings(
            drawn.random, drawn.seconds, recipe.seed, recipe.rate_hz
        )
    _check(training, recipe, root)
    return training


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
