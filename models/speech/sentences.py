"""Sentences of spoken digits in a noisy room, and the events that the agent's decision makes.

A digit counts as right if exactly one event falls between its beginning and that of the next digit,
and that event names it. Free of torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.acquisition.windows import hop_frames
from agent.core.model_contract import Contract, Decide
from agent.core.types import Mark, Prediction
from agent.diagnosis.decision import Decider, Judge
from agent.inference.classifier import OnnxClassifier
from agent.sources import noise as noises
from models.data.recipe import Recipe
from models.data.recordings import Array
from models.data.validation import HELD_OUT_SEED
from models.speech.corpus import DIGITS, FSDD, backgrounds, words

GAP_S = (1.0, 1.6)  # between one digit's end and the next one's beginning
LEAD_S = 1.5  # of background before the first digit; twice that after the last
SENTENCES = 12
HOP_S = 0.1


@dataclass(frozen=True)
class Sentence:
    """`samples` [frames]; the digits `labels` begin and end at the frames `begins` and `ends`."""

    samples: Array
    labels: tuple[str, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True)
class WordResults:
    """Counts of digits: spoken, named once and rightly, named wrongly or twice, not named."""

    spoken: int
    right: int
    wrong: int
    missed: int


def sentences(recipe: Recipe, root: Path, snr_db: float, count: int = SENTENCES) -> list[Sentence]:
    """The ten digits in random order, from the test speaker and in the test backgrounds.

    `snr_db` is the digits' mean power while they sound over that of the background.
    """
    rng = np.random.default_rng(HELD_OUT_SEED)
    spoken = words(root, FSDD, "val", recipe)
    noise = [recording.samples[0] for recording in backgrounds(root, recipe, test=True)]
    return [_sentence(spoken, noise, snr_db, recipe.rate_hz, rng) for _ in range(count)]


def _sentence(
    spoken: dict[str, list[Array]],
    noise: Sequence[Array],
    snr_db: float,
    rate_hz: float,
    rng: np.random.Generator,
) -> Sentence:
    labels = tuple(str(label) for label in rng.permutation(DIGITS))
    digits = [spoken[label][int(rng.integers(len(spoken[label])))] for label in labels]
    parts, begins = [np.zeros(round(LEAD_S * rate_hz), np.float32)], []
    for word in digits:
        begins.append(sum(map(len, parts)))
        gap = np.zeros(round(rng.uniform(*GAP_S) * rate_hz), np.float32)
        parts += [word, gap]
    speech = np.concatenate([*parts, parts[0]])
    power = np.mean(np.concatenate(digits) ** 2)
    room = noise[int(rng.integers(len(noise)))]
    start = int(rng.integers(len(room) - len(speech) + 1))
    around = room[start : start + len(speech)]
    gain = noises.gain(power, around.var(), snr_db)
    ends = tuple(begin + len(word) for begin, word in zip(begins, digits, strict=True))
    return Sentence((speech + gain * around).astype(np.float32), labels, tuple(begins), ends)


def predictions(network: OnnxClassifier, sentence: Sentence, hop_s: float) -> list[Prediction]:
    """The network's prediction for every window, `hop_s` apart."""
    window = network.contract.window
    hop = hop_frames(hop_s, network.contract.rate_hz)
    starts = range(0, len(sentence.samples) - window + 1, hop)
    cut = np.stack([sentence.samples[None, start : start + window] for start in starts])
    parts = [network.classify(cut[at : at + 16]) for at in range(0, len(cut), 16)]
    return [prediction for part in parts for prediction in part]


def events(
    contract: Contract, predictions: Sequence[Prediction], decide: Decide, hop_s: float
) -> list[tuple[int, str]]:
    """The events that name a digit: (end of the window in frames, digit)."""
    judge = Judge(
        contract.labels, frozenset(contract.normal), decide.confidence, contract.max_distance
    )
    decider = Decider(judge, decide, hop_s)
    hop = hop_frames(hop_s, contract.rate_hz)
    named = []
    for at, prediction in enumerate(predictions):
        event = decider.update(Mark(0), prediction).event
        if event is not None and event.decision == "fault":
            named.append((at * hop + contract.window, str(event.label)))
    return named


def score(sentence: Sentence, events: Sequence[tuple[int, str]]) -> WordResults:
    """Compares each digit with the events between its beginning and that of the next digit."""
    ends = (*sentence.begins[1:], len(sentence.samples) + 1)
    right = wrong = missed = 0
    for label, begin, end in zip(sentence.labels, sentence.begins, ends, strict=True):
        named = [name for frame, name in events if begin <= frame < end]
        right += named == [label]
        missed += not named
        wrong += bool(named) and named != [label]
    early = sum(frame < sentence.begins[0] for frame, _ in events)
    return WordResults(len(sentence.labels), right, wrong + early, missed)


def total(results: Sequence[WordResults]) -> WordResults:
    """The sum of all counts."""
    fields = ("spoken", "right", "wrong", "missed")
    return WordResults(*(sum(getattr(result, name) for result in results) for name in fields))
