"""Sentences of digits in a noisy room, and what the agent's decision makes of them.

A digit is heard if, from its beginning to that of the next one, exactly one event names a digit
and it is that one. Free of torch.
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
from models.data.recipe import Recipe
from models.data.recordings import Array
from models.data.validation import HELD_BACK_SEED
from models.speech.corpus import DIGITS, FSDD, backgrounds, words

GAP_S = (1.0, 1.6)  # between one digit's end and the next one's beginning
LEAD_S = 1.5  # of background before the first digit; twice that after the last
SENTENCES = 12
HOP_S = 0.1


@dataclass(frozen=True)
class Sentence:
    """`samples` [frames]; each of `labels` [digits] begins and ends at these frames [digits]."""

    samples: Array
    labels: tuple[str, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True)
class WordResults:
    """Of the digits spoken: how many were heard, named twice or wrongly, and not named at all."""

    spoken: int
    right: int
    wrong: int
    missed: int


def sentences(recipe: Recipe, root: Path, snr_db: float, count: int = SENTENCES) -> list[Sentence]:
    """The ten digits in random order, by the speaker and in the backgrounds held back.

    `snr_db` is of the digits' own mean power, while they sound, over that of the background.
    """
    rng = np.random.default_rng(HELD_BACK_SEED)
    said = words(root, FSDD, "val", recipe)
    noise = [each.samples[0] for each in backgrounds(root, recipe, held_back=True)]
    return [_sentence(said, noise, snr_db, recipe.rate_hz, rng) for _ in range(count)]


def _sentence(
    said: dict[str, list[Array]],
    noise: Sequence[Array],
    snr_db: float,
    rate_hz: float,
    rng: np.random.Generator,
) -> Sentence:
    labels = tuple(str(label) for label in rng.permutation(DIGITS))
    chosen = [said[label][int(rng.integers(len(said[label])))] for label in labels]
    parts, begins = [np.zeros(round(LEAD_S * rate_hz), np.float32)], []
    for word in chosen:
        begins.append(sum(map(len, parts)))
        gap = np.zeros(round(rng.uniform(*GAP_S) * rate_hz), np.float32)
        parts += [word, gap]
    speech = np.concatenate([*parts, parts[0]])
    power = np.mean(np.concatenate(chosen) ** 2)
    room = noise[int(rng.integers(len(noise)))]
    start = int(rng.integers(len(room) - len(speech) + 1))
    around = room[start : start + len(speech)]
    gain = np.sqrt(power / around.var() * 10 ** (-snr_db / 10))
    ends = tuple(begin + len(word) for begin, word in zip(begins, chosen, strict=True))
    return Sentence((speech + gain * around).astype(np.float32), labels, tuple(begins), ends)


def answers(network: OnnxClassifier, sentence: Sentence, hop_s: float) -> list[Prediction]:
    """What the network says of every window."""
    window = network.contract.window
    hop = hop_frames(hop_s, network.contract.rate_hz)
    starts = range(0, len(sentence.samples) - window + 1, hop)
    cut = np.stack([sentence.samples[None, start : start + window] for start in starts])
    parts = [network.classify(cut[at : at + 16]) for at in range(0, len(cut), 16)]
    return [answer for part in parts for answer in part]


def events(
    contract: Contract, said: Sequence[Prediction], decide: Decide, hop_s: float
) -> list[tuple[int, str]]:
    """When (the window's end, in frames) which digit became the agent's state."""

    judge = Judge(
        contract.labels, frozenset(contract.normal), decide.confidence, contract.max_distance
    )
    decider = Decider(judge, decide, hop_s)
    hop = hop_frames(hop_s, contract.rate_hz)
    found = []
    for at, prediction in enumerate(said):
        event = decider.update(Mark(0), prediction).event
        if event is not None and event.decision == "fault":
            found.append((at * hop + contract.window, str(event.label)))
    return found


def heard(sentence: Sentence, found: Sequence[tuple[int, str]]) -> WordResults:
    """Digit by digit, from its beginning to the next one's."""
    ends = (*sentence.begins[1:], len(sentence.samples) + 1)
    right = wrong = missed = 0
    for label, begin, end in zip(sentence.labels, sentence.begins, ends, strict=True):
        named = [name for frame, name in found if begin <= frame < end]
        right += named == [label]
        missed += not named
        wrong += bool(named) and named != [label]
    early = sum(frame < sentence.begins[0] for frame, _ in found)
    return WordResults(len(sentence.labels), right, wrong + early, missed)


def total(each: Sequence[WordResults]) -> WordResults:
    fields = ("spoken", "right", "wrong", "missed")
    return WordResults(*(sum(getattr(one, name) for one in each) for name in fields))
