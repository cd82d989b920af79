"""The model card; every figure in it is a measured one."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

import msgspec

from agent.sources import noise
from models.data import validation
from models.data.batches import label_shares
from models.data.recipe import Recipe, Simulated
from models.evaluation import markdown
from models.evaluation.model_file import LEVELS_DB, SIMULATED_DB
from models.networks.names import READ_RUNNING
from models.release.bearings_apart import BATCH, CONDITIONS, PRESET, STEPS, Row
from models.release.card_text import CardText
from models.release.measure import UNTOLD, Measured

SPEED = {
    False: """The network does not read the speed: the impacts of one fault at one speed can be as
  frequent as those of another fault at another speed.""",
    True: "A wrong speed or bearing in the configuration moves every line that it looks for.",
}
PRECISIONS = {"float32": "float", "int8": "INT8"}


def text(
    recipe: Recipe,
    measured: list[Measured],
    out: Path,
    card_text: CardText,
    apart: Sequence[Row] = (),
) -> str:
    """The card in Markdown: the first of `measured` is the released network.

    `apart` are figures on bearings that the recipe was not trained on, where they were measured.
    """
    sections = [_head(recipe, measured[0], out, card_text), _data(recipe)]
    if recipe.family in READ_RUNNING:
        sections.append(_running(recipe))
    if recipe.simulated:
        sections.append(_machines(recipe.simulated))
    sections.append(_scores(recipe, measured, card_text))
    if apart:
        sections.append(_apart(recipe, apart))
    if recipe.simulated:
        sections.append(_recognition(recipe, measured[0]))
    sections += [_precision(recipe, measured[0]), _limits(recipe, measured[0], card_text)]
    return "\n\n".join(sections) + "\n"


def _head(recipe: Recipe, released: Measured, out: Path, card_text: CardText) -> str:
    heads = ("parameters", "multiply-accumulates a window", "file")
    costs = (f"{released.parameters:,}", f"{released.macs:,}", f"{out.stat().st_size:,} bytes")
    return f"""# {recipe.name} {recipe.version}

A {recipe.family} network (`{recipe.preset}` preset) that tells {", ".join(recipe.labels)} apart
(normal: {", ".join(recipe.normal)}) in windows of {recipe.window} samples at {recipe.rate_hz:g} Hz,
{recipe.channels} channel, unit: {recipe.unit}; every window is standardized inside the graph.

{markdown.table(heads, [costs])}
{_paragraph(card_text.purpose)}
{card_text.command}

It trains with a fixed seed, yet another processor or number of threads rounds otherwise, and
ends at another network of about the same figures.

Licence of the file: {recipe.licence or "not stated"}. No recording is part of it."""


def _paragraph(text: str) -> str:
    return f"\n{text}\n" if text else ""


def _data(recipe: Recipe) -> str:
    heads = ("data set", "trained on", "at speeds", "validated on", "licence and citation")
    rows = [
        (
            source.folder,
            ", ".join(source.train),
            ", ".join(f"{speed:g}" for speed in source.speeds),
            ", ".join(source.val),
            source.terms or "not stated",
        )
        for source in recipe.data
    ]
    low, high = recipe.noise.snr_db
    shares = zip(recipe.labels, label_shares(recipe), strict=True)
    balance = "Labels have these shares: " + ", ".join(
        f"{label} {share:.0%}" for label, share in shares
    )
    kinds, clean = ", ".join(recipe.noise.kinds), f"{recipe.noise.clean:.0%}"
    return f"""## Data

{markdown.table(heads, rows)}

Splits are of recordings, never of windows; a speed other than 1 is the recording played
faster or slower. Training windows pass a smooth random equalizer ({recipe.colour_db:g} dB)
and get fresh noise ({kinds}) at {low:g} to {high:g} dB, drawn uniformly; {clean} stay clean.
{balance}.
Within a label the data sets are drawn equally often."""


def _running(recipe: Recipe) -> str:
    """The running conditions of the machine, for a network that reads them."""
    rows = [
        (source.folder, *(f"{order:g}" for order in msgspec.structs.astuple(source.bearing.orders)))
        for source in recipe.data
        if source.bearing
    ]
    spec = recipe.running
    return f"""The network reads the shaft's speed, from the manifests, and the bearing's orders:

{markdown.table(("data set", "BPFO", "BPFI", "BSF", "FTF"), rows)}

In training the speed is off by up to {spec.rpm_off:.0%}, {spec.no_orders:.0%} of the windows come
without orders and {spec.nothing:.0%} without both. Where a configuration has neither, the
figures are those of "speed and bearing unknown" below."""


def _machines(simulated: Simulated) -> str:
    share, count, seconds = f"{simulated.share:.0%}", simulated.machines, simulated.seconds
    return f"""{share} of each class's training windows are **simulated**
(`agent.sources.machine_simulator`), from {count} machines of {seconds:g} s a state around a 6205
bearing at 1797 rpm: speed within 5 %, resonance 1.5 to 4.2 kHz, severity 0.3 to 1. The network
recognises the demo's machine because it was trained on similar ones: that says
nothing about real machines."""


def _scores(recipe: Recipe, measured: list[Measured], card_text: CardText) -> str:
    conditions = ["clean", *(f"{k}_{level:g}db" for level in LEVELS_DB for k in noise.KINDS)]
    heads = [_condition(c) for c in conditions]
    rows = [
        (source.folder, name, *(_percent(figures[f"{prefix}_{c}"]) for c in conditions))
        for source in recipe.data
        for name, prefix, figures in _rows(source.folder, measured)
    ]
    return f"""## Macro-F1 on validation recordings

In per cent, one decision a window, nothing smoothed; at least {validation.PER_CLASS} windows
of each class and data set, {card_text.scores} Noise is added at that SNR to the recording as it is.
Controls are trained by the same recipe; one seed each, so small differences mean little.

{markdown.table(("data set", "network", *heads), rows)}

{card_text.selection}"""


def _apart(recipe: Recipe, rows: Sequence[Row]) -> str:
    heads = ("data set", "bearings left out of training", *(_condition(c) for c in CONDITIONS))
    lines = [
        (row.folder, row.left_out or "none", *(_percent(row.figures[c]) for c in CONDITIONS))
        for row in sorted(rows, key=lambda row: (row.folder, row.left_out))
    ]
    clean, noisy = CONDITIONS[0], CONDITIONS[-1]
    same, other = [r for r in rows if not r.left_out], [r for r in rows if r.left_out]
    fall = ", ".join(
        f"{_mean(same, c)} to {_mean(other, c)} % ({_condition(c)})" for c in (clean, noisy)
    )
    return f"""## Bearings apart

The figures above are of bearings that are trained on, at another load, speed or time. Here the same
recipe is trained again without some bearings, smaller (`{PRESET}` preset, {STEPS} steps of {BATCH}
windows, float, one seed), and judged on all their recordings; the healthy bearing of `cwru` and
`hit_sm` is one and stays in training. Macro-F1 in per cent:

{markdown.table(heads, lines)}

What figures on the same bearing are worth: on other bearings the mean over the sets falls from
{fall}. They say how surely the network knows its own
bearings again, not how often it is right about yours: docs/UNSEEN.md. The command above measures
this too; with `--measure` it trains these networks only."""


def _mean(rows: Sequence[Row], condition: str) -> str:
    """Over the sets, of the mean of each set's rows."""
    folders = dict.fromkeys(row.folder for row in rows)
    means = [fmean(r.figures[condition] for r in rows if r.folder == name) for name in folders]
    return _percent(fmean(means))


def _condition(name: str) -> str:
    return name.replace("_", " ").replace("db", " dB")


def _rows(folder: str, measured: list[Measured]) -> Iterator[tuple[str, str, dict[str, float]]]:
    """A row's network, the prefix of its figures' names, and the figures, on one data set."""
    for network in measured:
        for precision, figures in network.figures.items():
            name, untold = f"{network.family} {PRECISIONS[precision]}", f"{UNTOLD}_{folder}"
            yield name, folder, figures
            if f"{untold}_clean" in figures:
                yield f"{name}, speed and bearing unknown", untold, figures


def _recognition(recipe: Recipe, released: Measured) -> str:
    heads = ("simulated state", *(f"{level:g} dB" for level in SIMULATED_DB))
    rows = [
        (
            label,
            *(
                _percent(released.figures["int8"][f"simulated_{label}_{level:g}db"])
                for level in SIMULATED_DB
            ),
        )
        for label in recipe.labels
    ]
    return f"""## The simulated machine

Windows of the default simulated machine, its fault fully grown, that the INT8 file calls by
name, in per cent; the worst of the {len(noise.KINDS)} noises.

{markdown.table(heads, rows)}"""


def _precision(recipe: Recipe, released: Measured) -> str:
    rows = [
        (size, f"{us['float32']:.0f}", f"{us['int8']:.0f}", f"{us['float32'] / us['int8']:.2f}")
        for size, us in released.window_us.items()
    ]
    agreed = ", ".join(
        f"{100 * share:.2f} % ({name.removeprefix('agreement_')})"
        for name, share in released.agreement.items()
    )
    count = validation.CALIBRATION_WINDOWS
    gate = "" if recipe.family == "resnet" else " the thresholds and their"
    parts = "additions" if recipe.family == "resnet" else "sub-network, additions"
    return f"""## Precision

The convolutions along time are INT8: weights signed, 7 bits, per channel; activations unsigned;
static ranges from {count} noisy training windows. Standardization,{gate}
{parts}, classifier and softmax are computed in float32: this is *not* a
fully INT8 graph. The larger of their weights have 8 or 16 bits in the file.
INT8 and float give the same label to these shares of the windows: {agreed}.

Microseconds of processor time a window on the machine that wrote this card, one thread, the least
of 200 in turns:

{markdown.table(("batch", "float", "INT8", "float / INT8"), rows)}"""


def _limits(recipe: Recipe, released: Measured, card_text: CardText) -> str:
    limits = f"""## Limits

{card_text.limits}
- {SPEED[recipe.family in READ_RUNNING]}
- {_unknown(recipe, released)}"""
    error_db = released.figures["int8"].get("snr_error_db")
    if error_db is None:
        return limits
    low, high = recipe.noise.snr_db
    return f"""{limits}
- `snr_db` is estimated: off by {error_db:.1f} dB (root mean square) on validation windows; learned
  from training windows, for {low:g} to {high:g} dB and this noise only."""


def _unknown(recipe: Recipe, released: Measured) -> str:
    count = len(recipe.labels)
    if not released.measures_distance:
        return f"A fault that it has never seen still gets one of the {count} labels."
    return f"""A fault that it has never seen may get one of the {count} labels. What is farther
  from all training than one known window in {1 / recipe.unknown_rate:.0f} is called `unknown`;
  another machine may be, too."""


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
