"""What a network of spoken digits is worth: speakers and backgrounds that training never heard.

SNR in dB is 10 log10(P_signal / P_noise) over the whole window, most of which is no word: while
the word sounds, it is some decibels better. Free of torch.
"""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.data import noise as noises
from models.data.backgrounds import recorded
from models.data.recipe import Recipe
from models.data.recordings import Array
from models.data.validation import HELD_BACK_SEED, Labelled
from models.speech.corpus import COMMANDS, FSDD, LABELS, SILENCE, backgrounds, words
from models.speech.words import alone

LEVELS_DB = (10.0, 5.0, 0.0, -5.0)
CONDITIONS = ("clean", *(f"{level:g} dB" for level in LEVELS_DB))
PLACES = {FSDD: 1, COMMANDS: 4}  # windows of each word; Speech Commands has few
SILENT = 100  # windows of background alone


def judged(recipe: Recipe, root: Path) -> dict[str, Labelled]:
    """Condition -> the same windows, clean and under held-back backgrounds at each level.

    Windows of silence are background alone in every condition.
    """
    rng = np.random.default_rng(HELD_BACK_SEED)
    heard = _words(recipe, root, rng)
    noise = [each.samples[0] for each in backgrounds(root, recipe, held_back=True)]
    silent = recorded(noise, (SILENT, 1, recipe.window), rng)
    found = {"clean": _with(heard.samples, heard.targets, silent)}
    for name, level in zip(CONDITIONS[1:], LEVELS_DB, strict=True):
        levels = np.full((len(heard.samples), 1), level, np.float32)
        noisy = noises.add(heard.samples, levels, partial(recorded, noise), rng)
        found[name] = _with(noisy, heard.targets, silent)
    return found


def _words(recipe: Recipe, root: Path, rng: np.random.Generator) -> Labelled:
    samples, targets = [], []
    for folder, places in PLACES.items():
        for label, said in words(root, folder, "val", recipe).items():
            for word in said:
                whole = alone(word, recipe.window)
                starts = rng.integers(whole.shape[1] - recipe.window + 1, size=places)
                samples += [whole[:, start : start + recipe.window] for start in starts]
                targets += [LABELS.index(label)] * places
    return _labelled(np.stack(samples), np.array(targets))


def _with(samples: Array, targets: npt.NDArray[np.int64], silent: Array) -> Labelled:
    quiet = np.full(len(silent), LABELS.index(SILENCE))
    return _labelled(np.concatenate([samples, silent]), np.concatenate([targets, quiet]))


def _labelled(samples: Array, targets: npt.NDArray[np.int64]) -> Labelled:
    return Labelled(samples, targets.astype(np.int64), np.zeros((len(targets), 5), np.float32))
