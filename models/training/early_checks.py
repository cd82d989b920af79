"""What makes a training worthless, before its first step. Free of torch."""

import difflib
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agent.core.errors import UserError
from agent.inference import classifier
from models.data import leakage, listing
from models.data.listing import Entry
from models.data.recipe import Recipe, Source
from models.networks.names import READ_RUNNING
from models.training.progress import Say

AT_REST = {"off", "stop", "stopped", "standstill", "standing", "idle", "aus", "stillstand"}
# Words by which a healthy machine is called; as a fault they make it alarm in health.
HEALTHY = {"healthy", "ok", "good", "baseline", "none", "normal", "gut", "gesund", "intakt", "fine"}
ALIKE = 0.85  # of two names' letters


def check(recipe: Recipe, root: Path, say: Say) -> None:
    """Says what to do about doubtful recordings; `UserError` for what can only go wrong."""
    _check_names(recipe, say)
    _check_healthy(recipe, say)
    sets = [
        (source, listing.entries(root / source.folder, source.variable)) for source in recipe.data
    ]
    _check_counts(recipe, [entry for _, entries in sets for entry in entries], say)
    for source, entries in sets:
        if recipe.family in READ_RUNNING:
            _check_speeds(recipe, root / source.folder, source, entries, say)
        training = [entry for entry in entries if entry.split in source.train]
        leakage.check(training, [entry for entry in entries if entry.split not in source.train])
        for one, other in leakage.contradictions(training):
            say(
                f"note: {one.path} ({one.label}) and {other.path} ({other.label}) are the same "
                "signal: which label is right?"
            )


def next_version(out: Path, version: str | None) -> str:
    """The version asked for; else that of the model file that is there, plus one."""
    if version is not None or not out.is_file():
        return version or "1"
    before = classifier.load(out).contract.version
    first, _, rest = before.rpartition(".")
    if not rest.isdecimal():
        raise UserError(f"{out}: version: found {before!r}, expected a number: write --version")
    return f"{first}.{int(rest) + 1}".removeprefix(".")


def _check_names(recipe: Recipe, say: Say) -> None:
    """Labels that differ in case, blanks or signs are one; those nearly alike are doubtful."""
    for one, other in itertools.combinations(recipe.labels, 2):
        plain = [re.sub(r"[\W_]+", "", name.casefold()) for name in (one, other)]
        if plain[0] == plain[1]:
            raise UserError(
                f"labels: found {one!r} and {other!r}, expected one name for one condition: "
                "rename a folder or mend the manifest"
            )
        likeness = difflib.SequenceMatcher(None, plain[0], plain[1]).ratio()
        digits = [re.sub(r"\D", "", name) for name in plain]
        if likeness >= ALIKE and digits[0] == digits[1]:
            say(f"note: the labels {one!r} and {other!r} are nearly alike: is one misspelt?")


def _check_healthy(recipe: Recipe, say: Say) -> None:
    faults = [label for label in recipe.labels if label not in recipe.normal]
    say(f"healthy: {', '.join(recipe.normal)}; a fault: {', '.join(faults)}")
    normal = " ".join(recipe.normal)
    for label in faults:
        if label.casefold() in HEALTHY:
            say(
                f"note: {label!r} will be called a fault: if it is healthy, write "
                f"--normal {normal} {label}"
            )
        if label.casefold() in AT_REST:
            say(
                f"note: {label!r} will be called a fault whenever the machine stands: if that is "
                f"no fault, write --normal {normal} {label}"
            )


def _check_counts(recipe: Recipe, entries: Sequence[Entry], say: Say) -> None:
    counts = Counter(entry.label for entry in entries)
    for label in recipe.labels:
        splits = {entry.split for entry in entries if entry.label == label}
        if counts[label] == 1:
            say(
                f"note: found one recording of {label!r}: a network may learn its recorder or its "
                "day instead of the machine: record it twice or more, on different days"
            )
        elif len(splits) == 1:
            say(
                f"note: all recordings of {label!r} are in the split {splits.pop()}, expected some "
                "in train and some in val or test"
            )


def _check_speeds(
    recipe: Recipe, folder: Path, source: Source, entries: Sequence[Entry], say: Say
) -> None:
    """Families that read the shaft's speed learn nothing from it where it is missing."""
    missing = [entry for entry in entries if not entry.rpm]
    what = [f"{len(missing)} of {len(entries)} recordings have no rpm"] if missing else []
    what += ["there is no bearing"] if source.bearing is None else []
    if what:
        say(
            f"note: {recipe.family} reads speed and bearing, and {' and '.join(what)}: write the "
            f"column rpm into {folder / listing.MANIFEST} and give --bearing, or take --family "
            "drsn-cw, which reads neither"
        )
