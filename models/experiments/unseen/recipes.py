"""Recipes compared by machines that are left out: the network alone, the same size and seed.

    python -m models.experiments.unseen.recipes --data DATA [--variant random] [--quick]

Each rig is left out by a network of its own; one more is trained on all rigs, and judges the
machines that nobody trains on. Networks and what they say are kept in `runs/unseen` and are not
made again; the tables of docs/UNSEEN.md are written from all that is kept. With `--quick` a network
of ten steps on one set judges one machine, and nothing is written.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from agent.inference import classifier
from models import command
from models.data import recipe as training_recipes
from models.experiments.unseen import (
    document,
    kept,
    left_out,
    machines,
    network_only,
    network_only_table,
    simulated,
)
from models.experiments.unseen.kept import CACHE
from models.experiments.unseen.left_out import ALL_RIGS, RIGS, LeftOut, Training
from models.experiments.unseen.machines import Condition
from models.experiments.unseen.rows import Row
from models.experiments.unseen.variants import VARIANTS

DOCUMENT = Path("docs/UNSEEN.md")
SIMULATED_MINUTES = 0.5
QUICK, ONE_SET = Training(steps=10, batch=16), LeftOut("all but hit_sm", ("hit_sm",))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.experiments.unseen.recipes")
    parser.add_argument("--data", type=Path, required=True, help="where the data sets lie")
    parser.add_argument("--quick", action="store_true", help="one machine, in seconds")
    parser.add_argument("--kept", action="store_true", help="writes what is kept, trains nothing")
    parser.add_argument("--variant", choices=VARIANTS, action="append", help="all by default")
    parser.add_argument("--preset", default=Training.preset, help="%(default)s")
    parser.add_argument("--steps", type=int, default=Training.steps, help="%(default)s")
    parser.add_argument("--batch", type=int, default=Training.batch, help="%(default)s")
    parser.add_argument("--seed", type=int, default=Training.seed, help="%(default)s")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.quick:
        return _printed({QUICK.name: list(_judged(options.data, ONE_SET, QUICK))})
    sizes = Training(options.preset, options.steps, options.batch, options.seed)
    trainings = {variant: replace(sizes, variant=variant) for variant in VARIANTS}
    for left in () if options.kept else (*RIGS, ALL_RIGS):
        for variant in options.variant or VARIANTS:
            _measure(options.data, left, trainings[variant])
    measured = {variant: _kept(training) for variant, training in trainings.items()}
    whole = {variant: rows for variant, rows in measured.items() if rows}
    document.write(DOCUMENT, network_only_table.tables(whole), network_only_table.MARKS)
    return _printed(whole)


def _measure(data: Path, left: LeftOut, training: Training) -> None:
    """Keeps what that network says, unless it is kept."""
    if not kept.is_there(_part(left), training):
        sys.stderr.write(f"{training.name}, {left.rig} left out\n")
        kept.save(_part(left), training, _judged(data, left, training))


def _kept(training: Training) -> list[Row]:
    parts = [_part(left) for left in (*RIGS, ALL_RIGS)]
    return [
        row for part in parts if kept.is_there(part, training) for row in kept.load(part, training)
    ]


def _part(left: LeftOut) -> str:
    return f"without-{left.rig.replace(' ', '-')}"


def _judged(data: Path, left: LeftOut, training: Training) -> Iterator[Row]:
    """Of the rig that is left out; without one, of machines that nobody trains on."""
    file = left_out.network(left, data, CACHE, training)
    recipe = training_recipes.load(left_out.place(left, CACHE, training) / "recipe.yaml")
    network = classifier.load(file)
    for condition in _conditions(data, left, file):
        yield from network_only.measure(network, recipe.unseen_temperature, condition)


def _conditions(data: Path, left: LeftOut, network: Path) -> Iterator[Condition]:
    if left in RIGS:
        yield from machines.of_rig(data, left.rig, network)
        return
    others = (each for each in machines.conditions(data, {}) if each.bearing is not None)
    conditions = itertools.chain(others, simulated.conditions(SIMULATED_MINUTES))
    yield from [_shortened(next(conditions))] if left is ONE_SET else conditions


def _shortened(condition: Condition) -> Condition:
    """Its healthy clip and two faults, two seconds of each."""
    frames = round(2 * condition.rate_hz)
    clips = (*condition.uncommissioned[:1], *condition.faulty[:2])
    healthy, *faulty = (replace(clip, samples=clip.samples[:frames]) for clip in clips)
    return replace(condition, healthy=(healthy,), whole=(healthy,), faulty=tuple(faulty))


def _printed(measured: Mapping[str, Sequence[Row]]) -> int:
    for line in network_only_table.tables(measured):
        command.say(line)
    return 0


if __name__ == "__main__":
    sys.exit(command.main(parser()))
