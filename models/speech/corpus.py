"""Recordings of digits, other words and backgrounds, from several data sets, labelled alike.

Digits come from the Free Spoken Digit Dataset, Speech Commands and espeak-ng's voices; other words
from Speech Commands and espeak-ng; backgrounds are recorded or drawn. So that a label does not
give itself away by its data set, every set of digits also gives pieces of words and words played
backwards, as "other". Free of torch.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from agent.acquisition.resampling import resample
from models.data import listing, noise, recordings
from models.data.recipe import Recipe, Source
from models.data.recordings import Array, Recording
from models.speech import voices
from models.speech.words import LONGEST, alone, among, backwards, between, trimmed

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OTHER, SILENCE = "other", "silence"
MIRRORED = "nine"  # is nearly the same backwards
LABELS = (*DIGITS, SILENCE, OTHER)
FSDD, COMMANDS, NOISE, ESPEAK = "fsdd", "speech_commands_mini", "noise", "espeak-ng"
HELD_BACK = ("doing_the_dishes", "bg_noise9")  # backgrounds that training never hears
SPEEDS = (0.84, 1.2)  # a recording is played at one between them as well: longer, shorter heads
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
    """Everything that training draws windows from; UserError where a data set is missing."""
    rng = np.random.default_rng(recipe.seed)
    sets = {
        FSDD: words(root, FSDD, "train", recipe),
        COMMANDS: words(root, COMMANDS, "train", recipe),
        ESPEAK: _voices(recipe.rate_hz, recipe.window, rng),
    }
    found = [each for name, said in sets.items() for each in _set(name, said, recipe.window, rng)]
    return found + backgrounds(root, recipe, held_back=False) + _drawn_noise(recipe, rng)


def words(root: Path, folder: str, split: str, recipe: Recipe) -> dict[str, list[Array]]:
    """Label -> its words of that split, each [frames] and trimmed."""
    found: dict[str, list[Array]] = {}
    for entry in listing.entries(root / folder):
        if entry.split == split:
            samples = recordings.read(entry, Source(folder), recipe.rate_hz)[0]
            word = trimmed(samples, recipe.rate_hz, recipe.window)
            found.setdefault(label_of(entry.label), []).append(word)
    return found


def label_of(word: str) -> str:
    """'7' and 'seven' are the same; what is no digit is other."""
    if word.isdecimal():
        return DIGITS[int(word)]
    return word if word in DIGITS else OTHER


def backgrounds(root: Path, recipe: Recipe, held_back: bool) -> list[Recording]:
    """Recorded ones: those that training may hear, or those that it never does."""
    found = []
    for entry in listing.entries(root / NOISE):
        if (entry.path.stem in HELD_BACK) is held_back:
            samples = recordings.read(entry, Source(NOISE), recipe.rate_hz)
            found.append(Recording(NOISE, entry.path.name, SILENCE, samples))
    return found


def _voices(rate_hz: float, window: int, rng: np.random.Generator) -> dict[str, list[Array]]:
    def said(texts: Iterable[str], count: int) -> list[Array]:
        heard = (word for text in texts for word in voices.spoken(text, count, rate_hz, rng))
        return [trimmed(word, rate_hz, window) for word in heard]

    digits = {digit: said([digit], VOICES_A_DIGIT) for digit in DIGITS}
    return digits | {OTHER: said(OTHER_WORDS, VOICES_A_WORD)}


def _set(
    name: str, said: dict[str, list[Array]], window: int, rng: np.random.Generator
) -> list[Recording]:
    """One data set's words alone and among others, and what it gives of other."""
    pool = [word for each in said.values() for word in each]
    digits = [word for label in DIGITS for word in said[label]]
    found = []
    for label, own in said.items():
        for word in own:
            found.append(Recording(name, label, label, alone(word, window)))
            played = _at_a_speed(word, window, rng)
            beside = among(played, _one(pool, rng), _one(pool, rng), window, rng)
            found.append(Recording(name, label, label, beside))
    pieces = [between(_one(pool, rng), _one(pool, rng), window, rng) for _ in digits]
    turns = [word for label in DIGITS if label != MIRRORED for word in said[label]]
    turned = [alone(word, window) for word in backwards(turns)]
    # Data sets of their own in name: each is drawn as often as the words of one.
    found += [Recording("pieces", name, OTHER, each) for each in pieces]
    return found + [Recording("backwards", name, OTHER, each) for each in turned[::2]]


def _at_a_speed(word: Array, window: int, rng: np.random.Generator) -> Array:
    """Pitch and pace move together."""
    played = resample(word, rng.uniform(*SPEEDS), 1.0)
    return played[: round(LONGEST * window)]


def _drawn_noise(recipe: Recipe, rng: np.random.Generator) -> list[Recording]:
    shape = (1, round(SYNTHETIC_S * recipe.rate_hz))
    kinds: Sequence[str] = tuple(noise.TRAINING)
    return [
        Recording("drawn", kind, SILENCE, noise.TRAINING[kind](shape, rng))
        for kind in kinds
        for _ in range(SYNTHETIC)
    ]


def _one(pool: Sequence[Array], rng: np.random.Generator) -> Array:
    return pool[int(rng.integers(len(pool)))]
