"""Would a network that is sure be right without the bearing's line? Trials of the naming rule.

    python -m models.experiments.unseen.without_lines --data DATA [--quick | --variant random]

The agent names a fault on a machine that has changed where network and line agree. Beside it stands
the rule that also names what the network alone is at least 0.9 sure of over 3 s: on the rigs of
training, on rigs left out, and on simulated machines of random bearing that change by a fault or by
something else. With `--quick` two simulated machines are heard, with `--variant` the rigs left out
alone, by networks of another recipe (`models.experiments.unseen.recipes`).
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from agent.diagnosis.naming import SURE
from agent.inference import classifier, zoo
from models import command
from models.experiments.unseen import (
    document,
    left_out,
    machines,
    opinions,
    random_conditions,
    runs,
)
from models.experiments.unseen.document import HEADS, UNITS
from models.experiments.unseen.figures import condensed
from models.experiments.unseen.kept import CACHE
from models.experiments.unseen.left_out import Training
from models.experiments.unseen.machines import Condition
from models.experiments.unseen.opinions import NETWORK_HOP_S, Opinion
from models.experiments.unseen.rows import Row
from models.experiments.unseen.runs import ClipResult, WindowResult
from models.experiments.unseen.variants import VARIANTS

AGENT, NETWORK_ONLY = "network and line (the agent)", f"or the network alone, {SURE:g} sure"
MACHINES, QUICK = 30, 2


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.experiments.unseen.without_lines")
    parser.add_argument("--data", type=Path, required=True, help="where the data sets lie")
    parser.add_argument("--quick", action="store_true", help="two simulated machines")
    parser.add_argument("--variant", choices=VARIANTS, help="of the recipe; rigs left out alone")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    for line in table(_groups(options)):
        command.say(line)
    return 0


def _groups(options: argparse.Namespace) -> dict[str, Iterator[Condition]]:
    left_out_rigs = "rigs left out"
    if options.quick:
        return {"random machines": random_conditions.conditions(QUICK)}
    if options.variant:
        return {left_out_rigs: _left_out(options.data, Training(variant=options.variant))}
    return {
        "random machines": random_conditions.conditions(MACHINES),
        left_out_rigs: _left_out(options.data, Training()),
        "rigs of training, validation side": machines.trained_on(options.data),
    }


def _left_out(data: Path, training: Training) -> Iterator[Condition]:
    networks = left_out.networks(data, CACHE, training, command.say)
    for rig, file in networks.items():
        yield from machines.of_rig(data, rig, file)


def table(groups: dict[str, Iterator[Condition]]) -> Iterator[str]:
    """Markdown: recordings with a baseline, both rules for each group of machines."""
    yield f"| machines | named by | {' | '.join(HEADS)} |"
    yield "|" + "---|" * (2 + len(HEADS))
    for name, conditions in groups.items():
        rows = [row for condition in conditions for row in measure(condition)]
        for rule in (AGENT, NETWORK_ONLY):
            figures = condensed([(rule, row.results) for row in rows if row.name == rule])
            cells = document.cells(document.total(figures, UNITS["recordings"]))
            yield f"| {name} | {rule} | {' | '.join(cells)} |"


def measure(condition: Condition) -> Iterator[Row]:
    """Both rules on one machine."""
    network = classifier.load(zoo.find(condition.model))
    clips = (*condition.healthy, *condition.faulty)
    with runs.commissioned(condition) as machine:
        results = machine.results(clips)
    yield Row(AGENT, results)
    alone = []
    for clip, result in zip(clips, results, strict=True):
        assert clip.rpm is not None
        signal, orders = opinions.signal(clip, condition), opinions.orders(condition)
        looks = opinions.windows(network, signal, clip.rpm, orders, NETWORK_HOP_S)
        opinion = opinions.averaged("", NETWORK_HOP_S, *looks)
        windows = tuple(_named(result, opinion, network.contract.labels))
        alone.append(replace(result, windows=windows))
    yield Row(NETWORK_ONLY, tuple(alone))


def _named(result: ClipResult, opinion: Opinion, labels: Sequence[str]) -> Iterator[WindowResult]:
    """The agent's windows; a fault where it said `unknown` and the network is sure."""
    ends_s = np.asarray(opinion.ends_s)
    for window in result.windows:
        at = int(np.searchsorted(ends_s, window.end_s + 1e-6)) - 1
        probabilities = opinion.probabilities[max(at, 0)]
        label = labels[int(probabilities.argmax())]
        sure = at >= 0 and label != "normal" and probabilities.max() >= SURE
        named = sure and window.decision == "unknown"
        yield replace(window, decision="fault", label=label) if named else window


if __name__ == "__main__":
    sys.exit(command.main(parser()))
