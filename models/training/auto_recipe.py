"""A user's own folder: what its recordings are, and the recipe that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.core.bearing import BY_ORDERS
from agent.core.errors import UserError
from models.data import listing, recipe
from models.data.listing import Entry
from models.data.recipe import Recipe
from models.data.recordings import open_entry
from models.networks.registry import SHORTEST_WINDOW
from models.training.progress import Say

MOST_RATE_HZ = 20_000.0  # what bearings and gears make ring lies below half of it
WINDOW_S = 0.25  # at most: a few turns of most shafts
PASSES = 30  # over as many windows as the training side has side by side
FEWEST_STEPS, MOST_STEPS = 400, 1500
SCORES = 20  # looks at the validation side in a whole training
HEALTHY = ("healthy", "ok", "good", "baseline", "none", "0")


class RecipeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the user said; what is None follows from the data, or is the recipe's default."""

    rate_hz: float | None = None
    window: int | None = None
    channels: tuple[int, ...] | None = None
    variable: str | None = None
    bearing: tuple[float, ...] | None = None
    normal: tuple[str, ...] | None = None
    family: str | None = None
    preset: str | None = None
    steps: int | None = None
    batch: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class ScannedRecording:
    """One recording as its file says it is."""

    entry: Entry
    rate_hz: float
    channels: int
    frames: int

    def frames_at(self, rate_hz: float) -> int:
        return int(self.frames * rate_hz / self.rate_hz)


def recipe_for(folder: Path, name: str, options: RecipeOptions, say: Say) -> Recipe:
    """The recipe for the data set in that folder; UserError for what the recordings lack.

    The rate is the smallest among the recordings, at most 20 kHz; the window is the largest
    power of two within a quarter of a second that every recording fills.
    """
    entries = listing.entries(folder, options.variable or "")
    labels = tuple(sorted({entry.label for entry in entries}))
    normal = _normal(folder, labels, options.normal or ("normal",))
    found = [_found(entry, options) for entry in entries]
    rate_hz = options.rate_hz or min(MOST_RATE_HZ, *(each.rate_hz for each in found))
    window = options.window or _window(found, rate_hz)
    fields = {
        key: value
        for key in ("family", "preset", "steps", "batch", "seed")
        if (value := getattr(options, key)) is not None
    }
    fields |= {"name": name, "labels": labels, "normal": normal}
    fields |= {"rate_hz": rate_hz, "window": window, "data": [_source(folder, found, options)]}
    made = recipe.checked(fields, "train")
    _check_lengths(found, made)
    if options.steps is None:
        made = msgspec.structs.replace(made, steps=_steps(found, made))
    stopping = recipe.Stopping(every=max(5, made.steps // SCORES))
    made = msgspec.structs.replace(made, stopping=stopping)
    _tell(found, made, say)
    return made


def _normal(folder: Path, labels: Sequence[str], normal: Sequence[str]) -> list[str]:
    names = ", ".join(labels)
    if len(labels) < 2:
        raise UserError(f"{folder}: found only the label {names}, expected two or more")
    if set(normal) <= set(labels):
        return list(normal)
    wanted = " ".join(each for each in normal if each not in labels)
    alike = next((each for each in labels if each.lower() in HEALTHY), "LABEL")
    raise UserError(
        f"{folder}: found labels {names}, expected {wanted!r}: say which are healthy with --normal "
        f"{alike}; with no healthy recording every window would be called a fault, so record some"
    )


def _found(entry: Entry, options: RecipeOptions) -> ScannedRecording:
    opened = open_entry(entry)
    rate_hz = entry.rate_hz or opened.rate_hz or options.rate_hz
    if rate_hz is None:
        raise UserError(f"{entry.path}: found no sampling rate in the file, expected --rate-hz")
    if opened.channels > max(1, opened.frames):
        raise UserError(
            f"{entry.path}: found {opened.frames} frames of {opened.channels} channels, "
            "expected [frames, channels]"
        )
    return ScannedRecording(entry, rate_hz, opened.channels, opened.frames)


def _source(
    folder: Path, found: Sequence[ScannedRecording], options: RecipeOptions
) -> dict[str, object]:
    """The recipe's data set; a split `test`, where a manifest has one, is reported on."""
    source: dict[str, object] = {"folder": folder.name, "channels": _channels(found, options)}
    source |= {"variable": options.variable or ""}
    if options.bearing is not None:
        source["bearing"] = dict(zip(BY_ORDERS, options.bearing, strict=True))
    source |= {"rate_hz": options.rate_hz} if options.rate_hz else {}
    source |= {"test": ["test"]} if any(each.entry.split == "test" for each in found) else {}
    return source


def _channels(found: Sequence[ScannedRecording], options: RecipeOptions) -> list[int]:
    if options.channels is not None:
        return list(options.channels)
    for each in found:
        if each.channels != found[0].channels:
            raise UserError(
                f"{each.entry.path}: found {each.channels} channels where {found[0].entry.path} "
                f"has {found[0].channels}, expected as many everywhere, or --channels 0"
            )
    return list(range(found[0].channels))


def _window(found: Sequence[ScannedRecording], rate_hz: float) -> int:
    """At least the shortest that networks are made for."""
    longest = min(WINDOW_S * rate_hz, *(each.frames_at(rate_hz) for each in found))
    return max(SHORTEST_WINDOW, 1 << max(0, int(longest).bit_length() - 1))


def _check_lengths(found: Sequence[ScannedRecording], made: Recipe) -> None:
    for each in found:
        frames = each.frames_at(made.rate_hz)
        if frames < made.window:
            raise UserError(
                f"{each.entry.path}: found {frames} frames at {made.rate_hz:g} Hz, "
                f"expected at least a window of {made.window}"
            )


def _steps(found: Sequence[ScannedRecording], made: Recipe) -> int:
    training = [each for each in found if each.entry.split == "train"]
    windows = sum(each.frames_at(made.rate_hz) for each in training) / made.window
    wanted = round(PASSES * windows / made.batch, -2)
    return int(min(MOST_STEPS, max(FEWEST_STEPS, wanted)))


def _tell(found: Sequence[ScannedRecording], made: Recipe, say: Say) -> None:
    training = sum(each.entry.split == "train" for each in found)
    labels = ", ".join(made.labels)
    say(f"found {len(found)} recordings of {labels}: {training} to train on")
    say(
        f"{made.rate_hz:g} Hz, windows of {made.window} ({made.window / made.rate_hz:.3g} s), "
        f"channels {', '.join(map(str, made.data[0].channels))}, {made.family} {made.preset}, "
        f"at most {made.steps} steps of {made.batch} windows"
    )
    rates = {label: {f.rate_hz for f in found if f.entry.label == label} for label in made.labels}
    if len({frozenset(own) for own in rates.values()}) > 1:
        low = 0.8 * min(each.rate_hz for each in found)
        say(
            "note: labels were recorded at different rates, and a network may tell the filters of "
            f"the recorders instead of the machines: --rate-hz {low:g} or less leaves these out"
        )
