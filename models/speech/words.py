"""Places words in windows: anywhere in the window, cut by its edges, beside other words.

Every window of a recording that is made here holds the whole word; the window's start decides
where in it the word stands. Free of torch.
"""

from collections.abc import Sequence

import numpy as np

from models.data.recordings import Array

STEP_S = 0.01  # between the levels by which a word is trimmed
QUIET = 0.05  # of the loudest step: lower steps before and after a word are cut off
MARGIN_S = 0.03  # kept around the word
LONGEST = 0.9  # of the window: of a longer word only the middle is kept
GAP = 0.1  # of the window, at least: silence between a word and its neighbour
PIECES = (0.2, 0.5)  # of a word: the share in the window if its edge cuts the word


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


def in_silence(word: Array, window: int) -> Array:
    """The word [frames] in silence, whole in every window [1, 2 * window - frames]."""
    rest = np.zeros(window - len(word), np.float32)
    return np.concatenate([rest, word, rest])[None]


def among(word: Array, before: Array, after: Array, window: int, rng: np.random.Generator) -> Array:
    """As `in_silence`, with the end of `before` or the beginning of `after` at a window's edge."""
    samples = in_silence(word, window)
    room = window - len(word) - round(GAP * window)
    end, begin = (_length(neighbour, room, rng) for neighbour in (before, after))
    if end:
        samples[0, :end] = _as_loud(before, word)[-end:]
    if begin:
        samples[0, -begin:] = _as_loud(after, word)[:begin]
    return samples


def between(before: Array, after: Array, window: int, rng: np.random.Generator) -> Array:
    """A window [1, window] with parts of one or two words, too little to recognise either."""
    samples = np.zeros((1, window), np.float32)
    room = window // 2 - round(GAP * window) // 2
    sides = rng.integers(3)  # both, the end of one, the beginning of one
    if sides < 2:
        end = _length(before, room, rng)
        samples[0, :end] = before[-end:]
    if sides != 1:
        begin = _length(after, room, rng)
        samples[0, -begin:] = _as_loud(after, before)[:begin]
    return samples


def _length(word: Array, room: int, rng: np.random.Generator) -> int:
    return max(0, min(room, round(rng.uniform(*PIECES) * len(word))))


def _as_loud(word: Array, reference: Array) -> Array:
    """The word with the standard deviation of `reference`."""
    smallest = 1e-9
    return word * np.float32(reference.std() / max(smallest, float(word.std())))


def backwards(words: Sequence[Array]) -> list[Array]:
    """The words played backwards: the same voices and microphones, but no words."""
    return [word[::-1].copy() for word in words]
