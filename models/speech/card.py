"""The card of the network of spoken digits, written from what was measured."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.core.model_contract import Decide
from models.data.noise import RECORDED
from models.data.recipe import Recipe
from models.evaluation import markdown
from models.speech import corpus
from models.speech import sentences as speech_sentence
from models.speech.evaluation import CONDITIONS, LEVELS_DB
from models.speech.run import SpeechRun
from models.speech.sentences import WordResults

NAMES = {"float32": "float", "int8": "INT8"}
SHOWN = ("clean", "0 dB")  # conditions of which the recall of each label is told


@dataclass(frozen=True)
class Shown:
    """Beside the runs: sentences by SNR and settings, microseconds by batch and precision."""

    recordings: Mapping[str, int]  # of training, by data set
    windows: Mapping[str, int]  # judged, by label
    sentences: Mapping[float, Mapping[str, WordResults]]
    window_us: Mapping[str, Mapping[str, float]]


def text(recipe: Recipe, runs: Sequence[SpeechRun], shown: Shown, out: Path) -> str:
    """The card in Markdown; `runs` begin with the one released."""
    sections = (
        _head(recipe, runs, out),
        _data(recipe, shown),
        _scores(recipe, runs, shown),
        _labels(recipe, runs[0]),
        _sentences(recipe, shown),
        _precision(runs, shown),
        _limits(recipe, runs[0]),
    )
    return "\n\n".join(sections) + "\n"


def line(run: SpeechRun) -> str:
    """One run, in a line."""
    found = ", ".join(f"{name} {100 * run.f1['int8'][name]:.1f}" for name in CONDITIONS)
    return f"{run.family}, seed {run.seed}: macro-F1 of the INT8 file in per cent: {found}"


def _head(recipe: Recipe, runs: Sequence[SpeechRun], out: Path) -> str:
    own = runs[0]
    heads = ("parameters", "multiply-accumulates a window", "file")
    costs = (f"{own.parameters:,}", f"{own.macs:,}", f"{out.stat().st_size:,} bytes")
    file = f"models/zoo/{recipe.name}.yaml"
    said = _filled(f"""A {recipe.family} network (`{recipe.preset}` preset) that hears the ten
        digits, spoken in English, in windows of {recipe.window / recipe.rate_hz:g} s at
        {recipe.rate_hz:g} Hz, one microphone. What is no digit is `other`, cut words too;
        background alone is `silence`. Both are normal, so that a spoken digit is an event. Every
        window is standardized inside the graph: the microphone's gain does not matter, and silence
        is background without a word, at whatever level. The decision's defaults are for a hop of
        {speech_sentence.HOP_S:g} s.""")
    return f"""# {recipe.name} {recipe.version}

{said}

{markdown.table(heads, [costs])}

This card and the file are written by one command (Debian package `espeak-ng` needed):

    python -m models.speech.release --recipe {file} --data DATA{_seeds(runs)}

It trains with fixed seeds, yet another processor or number of threads rounds otherwise, and
ends at another network of about the same figures.

Licence of the file: {recipe.licence or "not stated"}. No recording is part of it."""


def _seeds(runs: Sequence[SpeechRun]) -> str:
    """As the command was given them."""
    return " --seeds " + " ".join(str(seed) for seed in dict.fromkeys(run.seed for run in runs))


def _data(recipe: Recipe, shown: Shown) -> str:
    rows = [(source.folder, source.terms) for source in recipe.data]
    rows.append((corpus.ESPEAK, "synthetic speakers; the program is GPL-3.0-or-later"))
    made = ", ".join(f"{name} {count:,}" for name, count in shown.recordings.items())
    low, high = recipe.noise.snr_db
    slower, faster = corpus.SPEEDS
    kinds = recipe.noise.kinds
    real = kinds.count(RECORDED) / len(kinds)
    said = _filled(f"""Trained on the split `train` of the speech (four speakers of `fsdd`, and
        those of `speech_commands_mini`), on {corpus.VOICES_A_DIGIT} synthetic voices a
        digit and {corpus.VOICES_A_WORD} for each of {len(corpus.OTHER_WORDS)} other
        words or phrases, and on all backgrounds but {_held_back()}. A word trains as it is, and
        played {1 - slower:.0%} slower to {faster - 1:.0%} faster beside pieces of others; `pieces`
        are
        words cut by the window's edge, `backwards` digits played so, both `other`; `drawn` is
        synthetic noise. Recordings: {made}. A word stands anywhere in its window. Windows pass a
        smooth random equalizer ({recipe.colour_db:g} dB) and get fresh noise at {low:g} to
        {high:g} dB, {real:.0%} of it recorded; {recipe.noise.clean:.0%} stay clean. Silence and
        other have {recipe.normal_share or 0:.0%} of the windows between them; within a label the
        data sets are drawn equally often.""")
    return f"""## Data

{markdown.table(("data set", "licence and citation"), rows)}

{said}"""


def _held_back() -> str:
    return " and ".join(f"`{name}`" for name in corpus.HELD_BACK)


def _scores(recipe: Recipe, runs: Sequence[SpeechRun], shown: Shown) -> str:
    windows = ", ".join(f"{label} {count}" for label, count in shown.windows.items())
    seeds = len({run.seed for run in runs})
    told = f"mean and standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
    interval = ", with Student's 95 % interval" if seeds > 1 else ""
    before = _filled(f"""In per cent over all {len(recipe.labels)} labels, one decision a window,
        nothing smoothed; {told}. The speakers are `yweweler`
        of `fsdd` and the three of the split `val` of `speech_commands_mini`, the backgrounds
        {_held_back()}. SNR is of the whole window. Windows of silence are background alone in
        every column. Windows: {windows}.""")
    chance = (
        "The intervals know the chance of training, not that of other speakers"
        if seeds > 1
        else "One seed has no interval: what a few points between networks mean is not known here"
    )
    after = _filled(f"""{chance}; nearly all digits are one man's. Settings were chosen on these
        same windows, by a few trainings of {recipe.family}: expect less elsewhere, and read its
        distance from the controls with that in mind. Seed {runs[0].seed} is the one released,
        whatever others come to.""")
    return f"""## Macro-F1 on speakers and in backgrounds that training never heard

{before}

{_macro_f1(recipe, runs)}

{recipe.family} minus the other, paired by seed{interval}:

{_differences(recipe, runs)}

{after}"""


def _macro_f1(recipe: Recipe, runs: Sequence[SpeechRun]) -> str:
    rows = []
    for family in (recipe.family, *recipe.controls):
        own = [run for run in runs if run.family == family]
        for precision, name in NAMES.items():
            cells = (markdown.spread(_percent(own, precision, c)) for c in CONDITIONS)
            rows.append((f"{family} {name}", f"{own[0].parameters:,}", *cells))
    return markdown.table(("network", "parameters", *CONDITIONS), rows)


def _differences(recipe: Recipe, runs: Sequence[SpeechRun]) -> str:
    rows = [
        (
            f"{control} {name}",
            *(
                markdown.signed(_ahead(runs, recipe.family, control, precision, c))
                for c in CONDITIONS
            ),
        )
        for control in recipe.controls
        for precision, name in NAMES.items()
    ]
    return markdown.table(("control", *CONDITIONS), rows)


def _percent(runs: Sequence[SpeechRun], precision: str, condition: str) -> list[float]:
    return [100 * run.f1[precision][condition] for run in runs]


def _ahead(
    runs: Sequence[SpeechRun], family: str, other: str, precision: str, condition: str
) -> list[float]:
    def by_seed(name: str) -> dict[int, float]:
        return {r.seed: 100 * r.f1[precision][condition] for r in runs if r.family == name}

    own, control = by_seed(family), by_seed(other)
    return [own[seed] - control[seed] for seed in own]


def _labels(recipe: Recipe, own: SpeechRun) -> str:
    rows = [
        (condition, *(f"{100 * each:.0f}" for each in own.recall[condition])) for condition in SHOWN
    ]
    return f"""## Recall of each label

The released file, in per cent of the label's windows.

{markdown.table(("condition", *recipe.labels), rows)}"""


def _sentences(recipe: Recipe, shown: Shown) -> str:
    rows = [
        (
            f"{level:g} dB",
            str(by["own"].spoken),
            *(str(n) for h in by.values() for n in (h.right, h.wrong, h.missed)),
        )
        for level, by in shown.sentences.items()
    ]
    low, high = speech_sentence.GAP_S
    told = recipe.decide
    said = _filled(f"""Sentences of the ten digits in random order by `yweweler`, {low:g} to
        {high:g} s between them, in the held-back backgrounds; the released file, hop
        {speech_sentence.HOP_S:g} s, decided by its own defaults ({_settings(told)}) and, in
        the last three columns, by those of a machine ({_settings(Decide())}). SNR is of the digits
        while they sound. Right: from its beginning to the next one's, exactly one event names a
        digit, and that one. Wrong: another one, or several.""")
    after = _filled("""The decision's settings were chosen on sentences like these. Digits with less
        than about half a second between them share a window, which training hardly showed.""")
    return f"""## One spoken digit, one event

{said}

{markdown.table(("SNR", "spoken", *("right", "wrong", "not named") * 2), rows)}

{after}"""


def _settings(told: Decide) -> str:
    return (
        f"enter {told.enter:g}, exit {told.exit:g}, patience {told.patience}, "
        f"smoothing {told.smoothing:g}"
    )


def _precision(runs: Sequence[SpeechRun], shown: Shown) -> str:
    own = runs[0]
    agreed = ", ".join(f"{100 * share:.1f} % ({name})" for name, share in own.agreement.items())
    rows = [
        (size, f"{us['float32']:.0f}", f"{us['int8']:.0f}", f"{us['float32'] / us['int8']:.2f}")
        for size, us in shown.window_us.items()
    ]
    said = _filled(f"""The convolutions over time and frequency are INT8: weights signed, 7 bits,
        per channel; activations unsigned; static ranges from noisy training windows.
        Standardization, Fourier transform, mel bands, logarithm, thresholds with their sub-network,
        additions, classifier and softmax are computed in float32: this is *not* a fully INT8
        graph. The file holds their weights in 8 or 16 bits, the transform as a formula. INT8 and
        float give the same label to these shares of the windows: {agreed}.""")
    return f"""## Precision

{said}

Microseconds a window on the machine that wrote this card, one thread, medians in turns:

{markdown.table(("batch", "float", "INT8", "float / INT8"), rows)}"""


def _limits(recipe: Recipe, own: SpeechRun) -> str:
    limits = [
        """Four men, some two hundred short clips of others and a synthesizer taught it. Accents,
        children and far microphones that it has not heard are another domain.""",
        """`other` has been taught few words, see its recall above: near people who talk it will
        report digits that nobody said.""",
        """It hears a word when its 1 s window holds all of it; a decision comes some tenths of a
        second after the word's end.""",
        f"""What is farther from all training than one known window in
        {1 / recipe.unknown_rate:.0f} is called `unknown`; another voice may be, too.""",
    ]
    if own.snr_error_db is not None:
        limits.append(
            f"""`snr_db` is estimated, from the thresholds: off by {own.snr_error_db:.1f} dB (root
            mean square) on the noisy windows above that hold a word, where always guessing their
            mean would be off by {np.std(LEVELS_DB):.1f}. It tells a noisy room from a quiet one, no
            more; of a window without a word it means nothing."""
        )
    return "\n".join(("## Limits", "", *(_filled(f"- {each}", "  ") for each in limits)))


def _filled(text: str, indent: str = "") -> str:
    """A paragraph of lines as long as in other documents."""
    return textwrap.fill(
        " ".join(text.split()),
        100,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
