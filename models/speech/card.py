"""The card of the network of spoken digits; every figure in it is a measured one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.data.noise import RECORDED
from models.data.recipe import Recipe
from models.evaluation import markdown
from models.evaluation.markdown import filled
from models.speech import card_results, corpus, sentences
from models.speech.card_results import CardData
from models.speech.evaluation import CONDITIONS, LEVELS_DB
from models.speech.run import SpeechRun


def text(recipe: Recipe, runs: Sequence[SpeechRun], data: CardData, out: Path) -> str:
    """The card in Markdown; the first of `runs` is the released one."""
    sections = (
        _head(recipe, runs, out),
        _data(recipe, data),
        *card_results.sections(recipe, runs, data),
        _limits(recipe, runs[0]),
    )
    return "\n\n".join(sections) + "\n"


def line(run: SpeechRun) -> str:
    """The figures of one run in a line."""
    figures = ", ".join(f"{name} {100 * run.f1['int8'][name]:.1f}" for name in CONDITIONS)
    return f"{run.family}, seed {run.seed}: macro-F1 of the INT8 file in per cent: {figures}"


def _head(recipe: Recipe, runs: Sequence[SpeechRun], out: Path) -> str:
    released = runs[0]
    heads = ("parameters", "multiply-accumulates a window", "file")
    costs = (f"{released.parameters:,}", f"{released.macs:,}", f"{out.stat().st_size:,} bytes")
    file = f"models/zoo/{recipe.name}.yaml"
    summary = filled(f"""A {recipe.family} network (`{recipe.preset}` preset) that recognises the
        ten digits, spoken in English, in windows of {recipe.window / recipe.rate_hz:g} s at
        {recipe.rate_hz:g} Hz, one microphone. What is no digit is `other`, cut words too;
        background alone is `silence`. Both are normal, so that a spoken digit is an event. Every
        window is standardized inside the graph: the microphone's gain does not matter, and silence
        is background without a word, at whatever level. The decision's defaults are for a hop of
        {sentences.HOP_S:g} s.""")
    return f"""# {recipe.name} {recipe.version}

{summary}

{markdown.table(heads, [costs])}

This card and the file are written by one command (Debian package `espeak-ng` needed):

    python -m models.speech.release --recipe {file} --data DATA{_seeds(runs)}

It trains with fixed seeds, yet another processor or number of threads rounds otherwise, and
ends at another network of about the same figures.

Licence of the file: {recipe.licence or "not stated"}. No recording is part of it."""


def _seeds(runs: Sequence[SpeechRun]) -> str:
    """The option of the command that makes this card."""
    return " --seeds " + " ".join(str(seed) for seed in dict.fromkeys(run.seed for run in runs))


def _data(recipe: Recipe, data: CardData) -> str:
    rows = [(source.folder, source.terms) for source in recipe.data]
    rows.append((corpus.ESPEAK, "synthetic speakers; the program is GPL-3.0-or-later"))
    made = ", ".join(f"{name} {count:,}" for name, count in data.recordings.items())
    low, high = recipe.noise.snr_db
    slower, faster = corpus.SPEEDS
    kinds = recipe.noise.kinds
    real = kinds.count(RECORDED) / len(kinds)
    training = filled(f"""Trained on the split `train` of the speech (four speakers of `fsdd`, and
        those of `speech_commands_mini`), on {corpus.VOICES_A_DIGIT} synthetic voices a
        digit and {corpus.VOICES_A_WORD} for each of {len(corpus.OTHER_WORDS)} other
        words or phrases, and on all backgrounds but {card_results.backgrounds()}. A word trains as
        it is, and played {1 - slower:.0%} slower to {faster - 1:.0%} faster beside pieces of
        others; `pieces`
        are
        words cut by the window's edge, `backwards` digits played so, both `other`; `drawn` is
        synthetic noise. Recordings: {made}. A word stands anywhere in its window. Windows pass a
        smooth random equalizer ({recipe.colour_db:g} dB) and get fresh noise at {low:g} to
        {high:g} dB, {real:.0%} of it recorded; {recipe.noise.clean:.0%} stay clean. Silence and
        other have {recipe.normal_share or 0:.0%} of the windows between them; within a label the
        data sets are drawn equally often.""")
    return f"""## Data

{markdown.table(("data set", "licence and citation"), rows)}

{training}"""


def _limits(recipe: Recipe, released: SpeechRun) -> str:
    limits = [
        """It was trained on four men, some two hundred short clips of others and a synthesizer.
        Other accents, children and distant microphones are another domain.""",
        """`other` was trained on few words, see its recall above: near people who talk, the
        network reports digits that nobody said.""",
        """It recognises a word when its 1 s window holds all of it; a decision comes some tenths
        of a
        second after the word's end.""",
        f"""What is farther from all training than one known window in
        {1 / recipe.unknown_rate:.0f} is called `unknown`; another voice may be, too.""",
    ]
    if released.snr_error_db is not None:
        limits.append(
            f"""`snr_db` is estimated, from the thresholds: off by
            {released.snr_error_db:.1f} dB (root mean square) on the noisy windows above that hold
            a word, where always guessing their
            mean would be off by {np.std(LEVELS_DB):.1f}. It tells a noisy room from a quiet one, no
            more; of a window without a word it means nothing."""
        )
    return "\n".join(("## Limits", "", *(filled(f"- {limit}", "  ") for limit in limits)))
