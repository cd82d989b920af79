"""Evaluation of networks of spoken digits on speakers and backgrounds that training does not use.

SNR in dB is 10 log10(P_signal / P_noise) over the whole window. Most of a window is no word, so
the SNR while the word sounds is some decibels higher. Free of torch.
"""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.inference.classifier import OnnxClassifier
from models.data import noise as noises
from models.data.backgrounds import recorded
from models.data.recipe import Recipe
from models.data.recordings import Array
from models.data.validation import HELD_OUT_SEED, Labelled
from models.evaluation import metrics, model_file
from models.speech.corpus import COMMANDS, FSDD, LABELS, SILENCE, backgrounds, words
from models.speech.words import in_silence

LEVELS_DB = (10.0, 5.0, 0.0, -5.0)
CONDITIONS = ("clean", *(f"{level:g} dB" for level in LEVELS_DB))
WINDOWS_PER_WORD = {FSDD: 1, COMMANDS: 4}  # windows of each word; Speech Commands has few words
SILENT = 100  # windows of background alone


def evaluation_windows(recipe: Recipe, root: Path) -> dict[str, Labelled]:
    """Condition -> the same windows, clean and under the test backgrounds at each level.

    Windows of silence are background alone in every condition.
    """
    rng = np.random.default_rng(HELD_OUT_SEED)
    spoken = _words(recipe, root, rng)
    noise = [recording.samples[0] for recording in backgrounds(root, recipe, test=True)]
    silent = recorded(noise, (SILENT, 1, recipe.window), rng)
    windows = {"clean": _with(spoken.samples, spoken.targets, silent)}
    for name, level in zip(CONDITIONS[1:], LEVELS_DB, strict=True):
        levels = np.full((len(spoken.samples), 1), level, np.float32)
        noisy = noises.add(spoken.samples, levels, partial(recorded, noise), rng)
        windows[name] = _with(noisy, spoken.targets, silent)
    return windows


def figures(network: OnnxClassifier, recipe: Recipe, root: Path) -> dict[str, float]:
    """Macro-F1 in every condition, named as in a contract."""

    def macro_f1(windows: Labelled) -> float:
        labels = model_file.labels_of(network, windows.samples, windows.running)
        return metrics.macro_f1_of(windows.targets, labels)

    return {
        figure_name("f1", condition): macro_f1(windows)
        for condition, windows in evaluation_windows(recipe, root).items()
    }


def figure_name(figure: str, condition: str) -> str:
    """'f1' and '-5 dB' -> 'f1_-5db', as in a contract."""
    return f"{figure}_{condition}".replace(" ", "").lower()


def _words(recipe: Recipe, root: Path, rng: np.random.Generator) -> Labelled:
    samples, targets = [], []
    for folder, count in WINDOWS_PER_WORD.items():
        for label, recorded_words in words(root, folder, "val", recipe).items():
            for word in recorded_words:
                whole = in_silence(word, recipe.window)
                starts = rng.integers(whole.shape[1] - recipe.window + 1, size=count)
                samples += [whole[:, start : start + recipe.window] for start in starts]
                targets += [LABELS.index(label)] * count
    return _labelled(np.stack(samples), np.array(targets))


def _with(samples: Array, targets: npt.NDArray[np.int64], silent: Array) -> Labelled:
    quiet = np.full(len(silent), LABELS.index(SILENCE))
    return _labelled(np.concatenate([samples, silent]), np.concatenate([targets, quiet]))


def _labelled(samples: Array, targets: npt.NDArray[np.int64]) -> Labelled:
    return Labelled(samples, targets.astype(np.int64), np.zeros((len(targets), 5), np.float32))
