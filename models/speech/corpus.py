"""Recordings of digits, other words and backgrounds, from several data sets, labelled alike.

Digits come from the Free Spoken Digit Dataset, Speech Commands and espeak-ng's voices, other words
from Speech Commands and espeak-ng; backgrounds are recorded or synthetic. Each set of digits also
provides pieces of words and words played backwards as "other", so that a network cannot learn a
label from its data set. Free of torch.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from agent.acquisition.resampling import resample
from models.data import listing, noise, recordings
from models.data.recipe import Recipe, Source
from models.data.recordings import Array, Recording
from models.speech import voices
from models.speech.words import LONGEST, among, backwards, between, in_silence, trimmed

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OTHER, SILENCE = "other", "silence"
MIRRORED = "nine"  # sounds nearly the same backwards
LABELS = (*DIGITS, SILENCE, OTHER)
FSDD, COMMANDS, NOISE, ESPEAK = "fsdd", "speech_commands_mini", "noise", "espeak-ng"
TEST_BACKGROUNDS = ("doing_the_dishes", "bg_noise9")  # not used in training
SPEEDS = (0.84, 1.2)  # range of playback speeds: other vocal tract lengths
VOICES_A_DIGIT, VOICES_A_WORD = 60, 6
SYNTHETIC, SYNTHETIC_S = 12, 4.0  # recordings of each kind of drawn noise, and their length
OTHER_WORDS = (  # some are close to a digit; none holds one whole
    *(
        "tree",
        "sick",
        "fix",
        "sex",
        "heaven",
        "late",
        "mine",
        "wine",
        "line",
        "find",
        "want",
        "won't",
    ),
    *("shoe", "hero", "zebra", "fall", "floor", "fire", "hive", "no", "yes", "go", "stop", "left"),
    *("right", "up", "down", "on", "off", "happy", "house", "bird", "cat", "dog", "bed", "wow"),
    *("computer", "hello", "thank you", "good morning", "please", "water", "kitchen", "window"),
    *("music", "the weather", "what time is it", "I don't know", "open the door", "and then"),
)


def training(recipe: Recipe, root: Path) -> list[Recording]:
    """All training recordings; raises UserError where a data set is missing."""
    rng = np.random.default_rng(recipe.seed)
    sets = {
        FSDD: words(root, FSDD, "train", recipe),
        COMMANDS: words(root, COMMANDS, "train", recipe),
        ESPEAK: _voices(recipe.rate_hz, recipe.window, rng),
    }
    spoken = [
        recording
        for name, by_label in sets.items()
        for recording in _set(name, by_label, recipe.window, rng)
    ]
    return spoken + backgrounds(root, recipe, test=False) + _synthetic_noise(recipe, rng)


def words(root: Path, folder: str, split: str, recipe: Recipe) -> dict[str, list[Array]]:
    """Label -> the words of that split, trimmed, [frames] each."""
    by_label: dict[str, list[Array]] = {}
    for entry in listing.entries(root / folder):
        if entry.split == split:
            samples = recordings.read(entry, Source(folder), recipe.rate_hz)[0]
            word = trimmed(samples, recipe.rate_hz, recipe.window)
            by_label.setdefault(label_of(entry.label), []).append(word)
    return by_label


def label_of(word: str) -> str:
    """The label of a word: '7' and 'seven' are one digit; what is no digit is other."""
    if word.isdecimal():
        return DIGITS[int(word)]
    return word if word in DIGITS else OTHER


def backgrounds(root: Path, recipe: Recipe, test: bool) -> list[Recording]:
    """The recorded backgrounds for testing, or those for training."""
    selected = []
    for entry in listing.entries(root / NOISE):
        if (entry.path.stem in TEST_BACKGROUNDS) is test:
            samples = recordings.read(entry, Source(NOISE), recipe.rate_hz)
            selected.append(Recording(NOISE, entry.path.name, SILENCE, samples))
    return selected


def _voices(rate_hz: float, window: int, rng: np.random.Generator) -> dict[str, list[Array]]:
    def spoken(texts: Iterable[str], count: int) -> list[Array]:
        words = (word for text in texts for word in voices.spoken(text, count, rate_hz, rng))
        return [trimmed(word, rate_hz, window) for word in words]

    digits = {digit: spoken([digit], VOICES_A_DIGIT) for digit in DIGITS}
    return digits | {OTHER: spoken(OTHER_WORDS, VOICES_A_WORD)}


def _set(
    name: str, by_label: dict[str, list[Array]], window: int, rng: np.random.Generator
) -> list[Recording]:
    """One data set's words, alone and beside others, and its pieces and reversed words."""
    pool = [word for words in by_label.values() for word in words]
    digits = [word for label in DIGITS for word in by_label[label]]
    examples = []
    for label, words in by_label.items():
        for word in words:
            examples.append(Recording(name, label, label, in_silence(word, window)))
            played = _at_a_speed(word, window, rng)
            beside = among(played, _random(pool, rng), _random(pool, rng), window, rng)
            examples.append(Recording(name, label, label, beside))
    pieces = [between(_random(pool, rng), _random(pool, rng), window, rng) for _ in digits]
    forwards = [word for label in DIGITS if label != MIRRORED for word in by_label[label]]
    reversed_words = [in_silence(word, window) for word in backwards(forwards)]
    # These have a data set's name of their own, so that each is drawn as often as a set of words.
    examples += [Recording("pieces", name, OTHER, samples) for samples in pieces]
    return examples + [
        Recording("backwards", name, OTHER, samples) for samples in reversed_words[::2]
    ]


def _at_a_speed(word: Array, window: int, rng: np.random.Generator) -> Array:
    """The word played at a random speed, which changes pitch and pace together."""
    played = resample(word, rng.uniform(*SPEEDS), 1.0)
    return played[: round(LONGEST * window)]


def _synthetic_noise(recipe: Recipe, rng: np.random.Generator) -> list[Recording]:
    shape = (1, round(SYNTHETIC_S * recipe.rate_hz))
    kinds: Sequence[str] = tuple(noise.TRAINING)
    return [
        Recording("drawn", kind, SILENCE, noise.TRAINING[kind](shape, rng))
        for kind in kinds
        for _ in range(SYNTHETIC)
    ]


def _random(pool: Sequence[Array], rng: np.random.Generator) -> Array:
    return pool[int(rng.integers(len(pool)))]
