"""Makes a recipe from a user's folder of recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.core.bearing import Bearing
from agent.core.errors import UserError
from models.data import listing
from models.data import recipe as recipes
from models.data.listing import Entry
from models.data.recipe import Recipe
from models.data.recordings import open_entry
from models.networks.registry import SHORTEST_WINDOW
from models.training.progress import Say

MAX_RATE_HZ = 20_000.0  # resonances excited by bearings and gears lie below half of it
WINDOW_S = 0.25  # at most: a few turns of most shafts
PASSES = 30  # over the training recordings, cut into windows without overlap
MIN_STEPS, MAX_STEPS = 400, 1500
SCORES = 20  # of the validation windows in a whole training
HEALTHY = ("healthy", "ok", "good", "baseline", "none", "0")


class RecipeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The user's options; None takes the value from the data, or the recipe's default."""

    rate_hz: float | None = None
    window: int | None = None
    channels: tuple[int, ...] | None = None
    variable: str | None = None
    bearing: Bearing | None = None
    normal: tuple[str, ...] | None = None
    family: str | None = None
    preset: str | None = None
    steps: int | None = None
    batch: int | None = None
    seed: int | None = None
    version: str | None = None


@dataclass(frozen=True)
class ScannedRecording:
    """Rate, channels and length of one recording, from its file."""

    entry: Entry
    rate_hz: float
    channels: int
    frames: int

    def frames_at(self, rate_hz: float) -> int:
        return int(self.frames * rate_hz / self.rate_hz)


def recipe_for(folder: Path, name: str, options: RecipeOptions, say: Say) -> Recipe:
    """The recipe for the data set in `folder`; raises UserError for unusable recordings.

    The rate is the smallest among the recordings, at most 20 kHz; the window is the largest
    power of two within a quarter of a second that every recording fills.
    """
    entries = listing.entries(folder, options.variable or "")
    labels = tuple(sorted({entry.label for entry in entries}))
    normal = _normal(folder, labels, options.normal or ("normal",))
    scans = [_scan(entry, options) for entry in entries]
    rate_hz = options.rate_hz or min(MAX_RATE_HZ, *(scan.rate_hz for scan in scans))
    window = options.window or _window(scans, rate_hz)
    fields = {
        key: value
        for key in ("family", "preset", "steps", "batch", "seed", "version")
        if (value := getattr(options, key)) is not None
    }
    fields |= {"name": name, "labels": labels, "normal": normal}
    fields |= {"rate_hz": rate_hz, "window": window, "data": [_source(folder, scans, options)]}
    recipe = recipes.checked(fields, "train")
    _check_lengths(scans, recipe)
    if options.steps is None:
        recipe = msgspec.structs.replace(recipe, steps=_steps(scans, recipe))
    stopping = recipes.Stopping(every=max(5, recipe.steps // SCORES))
    recipe = msgspec.structs.replace(recipe, stopping=stopping)
    _report(scans, recipe, say)
    return recipe


def _normal(folder: Path, labels: Sequence[str], normal: Sequence[str]) -> list[str]:
    names = ", ".join(labels)
    if len(labels) < 2:
        raise UserError(f"{folder}: found only the label {names}, expected two or more")
    if set(normal) <= set(labels):
        return list(normal)
    missing = " ".join(label for label in normal if label not in labels)
    healthy = next((label for label in labels if label.lower() in HEALTHY), "LABEL")
    raise UserError(
        f"{folder}: found labels {names}, expected {missing!r}: say which are healthy with "
        f"--normal {healthy}; with no healthy recording every window would be called a fault, "
        "so record some"
    )


def _scan(entry: Entry, options: RecipeOptions) -> ScannedRecording:
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
    folder: Path, scans: Sequence[ScannedRecording], options: RecipeOptions
) -> dict[str, object]:
    """The recipe's data set; the report is on the split `test` where the manifest has one."""
    source: dict[str, object] = {"folder": folder.name, "channels": _channels(scans, options)}
    source |= {"variable": options.variable or ""}
    if options.bearing is not None:
        parts = msgspec.structs.asdict(options.bearing)
        source["bearing"] = {key: value for key, value in parts.items() if value is not None}
    source |= {"rate_hz": options.rate_hz} if options.rate_hz else {}
    source |= {"test": ["test"]} if any(scan.entry.split == "test" for scan in scans) else {}
    return source


def _channels(scans: Sequence[ScannedRecording], options: RecipeOptions) -> list[int]:
    if options.channels is not None:
        return list(options.channels)
    for scan in scans:
        if scan.channels != scans[0].channels:
            raise UserError(
                f"{scan.entry.path}: found {scan.channels} channels where {scans[0].entry.path} "
                f"has {scans[0].channels}, expected as many everywhere, or --channels 0"
            )
    return list(range(scans[0].channels))


def _window(scans: Sequence[ScannedRecording], rate_hz: float) -> int:
    """A power of two, at least the shortest window that networks accept."""
    longest = min(WINDOW_S * rate_hz, *(scan.frames_at(rate_hz) for scan in scans))
    return max(SHORTEST_WINDOW, 1 << max(0, int(longest).bit_length() - 1))


def _check_lengths(scans: Sequence[ScannedRecording], recipe: Recipe) -> None:
    for scan in scans:
        frames = scan.frames_at(recipe.rate_hz)
        if frames < recipe.window:
            raise UserError(
                f"{scan.entry.path}: found {frames} frames at {recipe.rate_hz:g} Hz, "
                f"expected at least a window of {recipe.window}"
            )


def _steps(scans: Sequence[ScannedRecording], recipe: Recipe) -> int:
    training = [scan for scan in scans if scan.entry.split == "train"]
    windows = sum(scan.frames_at(recipe.rate_hz) for scan in training) / recipe.window
    steps = round(PASSES * windows / recipe.batch, -2)
    return int(min(MAX_STEPS, max(MIN_STEPS, steps)))


def _report(scans: Sequence[ScannedRecording], recipe: Recipe, say: Say) -> None:
    training = sum(scan.entry.split == "train" for scan in scans)
    labels = ", ".join(recipe.labels)
    say(f"found {len(scans)} recordings of {labels}: {training} to train on")
    say(
        f"{recipe.rate_hz:g} Hz, windows of {recipe.window} "
        f"({recipe.window / recipe.rate_hz:.3g} s), "
        f"channels {', '.join(map(str, recipe.data[0].channels))}, "
        f"{recipe.family} {recipe.preset}, "
        f"at most {recipe.steps} steps of {recipe.batch} windows"
    )
    rates = {label: {f.rate_hz for f in scans if f.entry.label == label} for label in recipe.labels}
    if len({frozenset(label_rates) for label_rates in rates.values()}) > 1:
        low = 0.8 * min(scan.rate_hz for scan in scans)
        say(
            "note: labels were recorded at different rates, and a network may tell the filters of "
            f"the recorders instead of the machines: --rate-hz {low:g} or less leaves these out"
        )
