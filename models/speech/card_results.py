"""The measured part of the card of spoken digits: scores, recall, sentences, precision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.core.model_contract import Decide
from models.data.recipe import Recipe
from models.evaluation import markdown
from models.evaluation.markdown import filled
from models.speech import corpus, sentences
from models.speech.evaluation import CONDITIONS
from models.speech.run import SpeechRun
from models.speech.sentences import WordResults

NAMES = {"float32": "float", "int8": "INT8"}
RECALL_CONDITIONS = ("clean", "0 dB")  # with a row in the table of each label's recall


@dataclass(frozen=True)
class CardData:
    """What the card shows beside the runs."""

    recordings: Mapping[str, int]  # of training, by data set
    windows: Mapping[str, int]  # of evaluation, by label
    sentences: Mapping[float, Mapping[str, WordResults]]  # by SNR in dB, then by settings
    window_us: Mapping[str, Mapping[str, float]]  # microseconds by batch, then by precision


def sections(recipe: Recipe, runs: Sequence[SpeechRun], data: CardData) -> Iterator[str]:
    """The sections with figures, in order; the first of `runs` is the released one."""
    yield _scores(recipe, runs, data)
    yield _labels(recipe, runs[0])
    yield _sentences(recipe, data)
    yield _precision(runs[0], data)


def backgrounds() -> str:
    """The names of the backgrounds that training does not use."""
    return " and ".join(f"`{name}`" for name in corpus.TEST_BACKGROUNDS)


def _scores(recipe: Recipe, runs: Sequence[SpeechRun], data: CardData) -> str:
    windows = ", ".join(f"{label} {count}" for label, count in data.windows.items())
    seeds = len({run.seed for run in runs})
    statistic = f"mean and standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
    interval = ", with Student's 95 % interval" if seeds > 1 else ""
    before = filled(f"""In per cent over all {len(recipe.labels)} labels, one decision a window,
        nothing smoothed; {statistic}. The speakers are `yweweler`
        of `fsdd` and the three of the split `val` of `speech_commands_mini`, the backgrounds
        {backgrounds()}. SNR is of the whole window. Windows of silence are background alone in
        every column. Windows: {windows}.""")
    chance = (
        "The intervals know the chance of training, not that of other speakers"
        if seeds > 1
        else "One seed has no interval: what a few points between networks mean is not known here"
    )
    after = filled(f"""{chance}; nearly all digits are one man's. Settings were chosen on these
        same windows, by a few trainings of {recipe.family}: expect less elsewhere, and read its
        distance from the controls with that in mind. Seed {runs[0].seed} is the one released,
        whatever others come to.""")
    return f"""## Macro-F1 on speakers and in backgrounds that are not in the training data

{before}

{_macro_f1(recipe, runs)}

{recipe.family} minus the other, paired by seed{interval}:

{_differences(recipe, runs)}

{after}"""


def _macro_f1(recipe: Recipe, runs: Sequence[SpeechRun]) -> str:
    rows = []
    for family in (recipe.family, *recipe.controls):
        members = [run for run in runs if run.family == family]
        for precision, name in NAMES.items():
            cells = (markdown.spread(_percent(members, precision, c)) for c in CONDITIONS)
            rows.append((f"{family} {name}", f"{members[0].parameters:,}", *cells))
    return markdown.table(("network", "parameters", *CONDITIONS), rows)


def _differences(recipe: Recipe, runs: Sequence[SpeechRun]) -> str:
    rows = [
        (
            f"{control} {name}",
            *(
                markdown.signed(_differences_by_seed(by_family[recipe.family], by_family[control]))
                for by_family in (_by_family(runs, precision, c) for c in CONDITIONS)
            ),
        )
        for control in recipe.controls
        for precision, name in NAMES.items()
    ]
    return markdown.table(("control", *CONDITIONS), rows)


def _percent(runs: Sequence[SpeechRun], precision: str, condition: str) -> list[float]:
    return [100 * run.f1[precision][condition] for run in runs]


def _by_family(
    runs: Sequence[SpeechRun], precision: str, condition: str
) -> dict[str, dict[int, float]]:
    """Macro-F1 in per cent: family -> seed -> figure."""
    by_family: dict[str, dict[int, float]] = {}
    for run in runs:
        by_family.setdefault(run.family, {})[run.seed] = 100 * run.f1[precision][condition]
    return by_family


def _differences_by_seed(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    return [first[seed] - second[seed] for seed in first]


def _labels(recipe: Recipe, released: SpeechRun) -> str:
    rows = [
        (condition, *(f"{100 * recall:.0f}" for recall in released.recall[condition]))
        for condition in RECALL_CONDITIONS
    ]
    return f"""## Recall of each label

The released file, in per cent of the label's windows.

{markdown.table(("condition", *recipe.labels), rows)}"""


def _sentences(recipe: Recipe, data: CardData) -> str:
    rows = [
        (
            f"{level:g} dB",
            str(results["own"].spoken),
            *(str(n) for r in results.values() for n in (r.right, r.wrong, r.missed)),
        )
        for level, results in data.sentences.items()
    ]
    low, high = sentences.GAP_S
    before = filled(f"""Sentences of the ten digits in random order by `yweweler`, {low:g} to
        {high:g} s between them, in the held-back backgrounds; the released file, hop
        {sentences.HOP_S:g} s, decided by its own defaults ({_settings(recipe.decide)}) and, in
        the last three columns, by those of a machine ({_settings(Decide())}). SNR is of the digits
        while they sound. Right: from its beginning to the next one's, exactly one event names a
        digit, and that one. Wrong: another one, or several.""")
    after = filled("""The decision's settings were chosen on sentences like these. Digits with less
        than about half a second between them share a window, which training hardly showed.""")
    return f"""## One spoken digit, one event

{before}

{markdown.table(("SNR", "spoken", *("right", "wrong", "not named") * 2), rows)}

{after}"""


def _settings(decide: Decide) -> str:
    return (
        f"enter {decide.enter:g}, exit {decide.exit:g}, patience {decide.patience}, "
        f"smoothing {decide.smoothing:g}"
    )


def _precision(released: SpeechRun, data: CardData) -> str:
    agreed = ", ".join(
        f"{100 * share:.1f} % ({name})" for name, share in released.agreement.items()
    )
    rows = [
        (size, f"{us['float32']:.0f}", f"{us['int8']:.0f}", f"{us['float32'] / us['int8']:.2f}")
        for size, us in data.window_us.items()
    ]
    text = filled(f"""The convolutions over time and frequency are INT8: weights signed, 7 bits,
        per channel; activations unsigned; static ranges from noisy training windows.
        Standardization, Fourier transform, mel bands, logarithm, thresholds with their sub-network,
        additions, classifier and softmax are computed in float32: this is *not* a fully INT8
        graph. The file holds their weights in 8 or 16 bits, the transform as a formula. INT8 and
        float give the same label to these shares of the windows: {agreed}.""")
    return f"""## Precision

{text}

Microseconds of processor time a window on the machine that wrote this card, one thread, the least
of 200 in turns:

{markdown.table(("batch", "float", "INT8", "float / INT8"), rows)}"""
