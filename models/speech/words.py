"""Words as a microphone sends them: anywhere in the window, cut by its edges, next to others.

A recording made here is so long that every window of it holds the whole word; where a window
begins decides where the word stands. Pure; free of torch.
"""

from collections.abc import Sequence

import numpy as np

from models.data.recordings import Array

STEP_S = 0.01  # of the level that a word is trimmed by
QUIET = 0.05  # of the loudest step: what lies lower before and after a word is none of it
MARGIN_S = 0.03  # kept around it
LONGEST = 0.9  # of the window: of longer ones the middle is kept
GAP = 0.1  # of the window, at least: silence between a word and its neighbour
PIECES = (0.2, 0.5)  # of a word: what shows of one that the window's edge cuts


def trimmed(samples: Array, rate_hz: float, window: int) -> Array:
    """[frames] -> the word alone, shorter than a window."""
    step = round(STEP_S * rate_hz)
    steps = len(samples) // step
    levels = np.sqrt((samples[: steps * step].reshape(steps, step) ** 2).mean(1))
    loud = np.flatnonzero(levels > QUIET * levels.max())
    margin = round(MARGIN_S * rate_hz)
    begin = max(0, loud[0] * step - margin)
    word = samples[begin : (loud[-1] + 1) * step + margin]
    over = max(0, len(word) - round(LONGEST * window))
    return word[over // 2 : len(word) - (over - over // 2)]


def alone(word: Array, window: int) -> Array:
    """The word [frames] in silence, whole in every window [1, 2 * window - frames]."""
    rest = np.zeros(window - len(word), np.float32)
    return np.concatenate([rest, word, rest])[None]


def among(word: Array, before: Array, after: Array, window: int, rng: np.random.Generator) -> Array:
    """As `alone`, and a window's edge may show the end of `before` or the beginning of `after`."""
    found = alone(word, window)
    room = window - len(word) - round(GAP * window)
    end, begin = (_length(each, room, rng) for each in (before, after))
    if end:
        found[0, :end] = _as_loud(before, word)[-end:]
    if begin:
        found[0, -begin:] = _as_loud(after, word)[:begin]
    return found


def between(before: Array, after: Array, window: int, rng: np.random.Generator) -> Array:
    """A window [1, window] that cuts one word or two: neither is to be recognised."""
    found = np.zeros((1, window), np.float32)
    room = window // 2 - round(GAP * window) // 2
    sides = rng.integers(3)  # both, the end of one, the beginning of one
    if sides < 2:
        end = _length(before, room, rng)
        found[0, :end] = before[-end:]
    if sides != 1:
        begin = _length(after, room, rng)
        found[0, -begin:] = _as_loud(after, before)[:begin]
    return found


def _length(word: Array, room: int, rng: np.random.Generator) -> int:
    return max(0, min(room, round(rng.uniform(*PIECES) * len(word))))


def _as_loud(word: Array, other: Array) -> Array:
    quietest = 1e-9
    return word * np.float32(other.std() / max(quietest, float(word.std())))


def backwards(words: Sequence[Array]) -> list[Array]:
    """Speech of the same voices and microphones that is no word."""
    return [word[::-1].copy() for word in words]
