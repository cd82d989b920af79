"""Judges machines that no network has seen, as their owners would commission and run them.

    python -m models.experiments.unseen --data DATA [--quick | --only lines]

Networks without each rig are trained first and kept in `runs/unseen`, with all that was measured;
then the tables of `docs/UNSEEN.md` are written. With `--quick` one machine is judged by the
released network, and nothing is written.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from agent.core.errors import UserError
from models import command
from models.experiments.unseen import (
    document,
    left_out,
    line_controls,
    line_table,
    lines_alone,
    machines,
    rows,
    simulated,
    trained_rigs,
)
from models.experiments.unseen.figures import Figures, condensed
from models.experiments.unseen.left_out import Training
from models.experiments.unseen.machines import Condition

CACHE, DOCUMENT = Path("runs/unseen"), Path("docs/UNSEEN.md")
SIMULATED_MINUTES = 10.0  # of each of six machines: an hour
MACHINES, LINES, TRAINED = PARTS = ("machines", "lines", "trained")
BEFORE = Path(__file__).with_name("before.json")  # by `--figures`, with the agent as it was


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.experiments.unseen")
    parser.add_argument("--data", type=Path, required=True, help="where the data sets lie")
    parser.add_argument("--quick", action="store_true", help="one machine, in seconds")
    parser.add_argument("--preset", default=Training.preset, help="%(default)s")
    parser.add_argument("--steps", type=int, default=Training.steps, help="%(default)s")
    parser.add_argument("--batch", type=int, default=Training.batch, help="%(default)s")
    parser.add_argument("--no-controls", action="store_true", help="the machines as recorded only")
    parser.add_argument("--only", choices=PARTS, help="measures and writes this part alone")
    parser.add_argument("--figures", type=Path, help="writes the figures there, and no document")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.quick:
        return _summed(_quick(options.data))
    training = Training(options.preset, options.steps, options.batch)
    parts = _parts(options)
    if TRAINED in parts:
        trained = _condensed(rows.measure(list(machines.trained_on(options.data)), _note, False))
        document.write(DOCUMENT, trained_rigs.tables(trained), trained_rigs.MARKS)
    if parts == (TRAINED,):
        return 0
    networks = left_out.networks(options.data, CACHE, training, _note)
    conditions = list(machines.conditions(options.data, networks))
    if LINES in parts:
        panel = line_controls.panels(options.data, CACHE, training)
        classical = _condensed(line_controls.measure(conditions, panel, _note))
        document.write(DOCUMENT, line_table.tables(classical), line_table.MARKS)
    return _machines(options, conditions, training) if MACHINES in parts else 0


def _parts(options: argparse.Namespace) -> Sequence[str]:
    """What is measured; figures in a file are those of the machines."""
    if options.figures is not None:
        return (MACHINES,)
    return (options.only,) if options.only else PARTS


def _machines(
    options: argparse.Namespace, conditions: Sequence[Condition], training: Training
) -> int:
    """The machines themselves and their controls."""
    figures = _whole(conditions, training, not options.no_controls)
    if options.figures is not None:
        options.figures.write_bytes(msgspec.json.encode(figures))
    else:
        lines = lines_alone.table(conditions)
        document.write(DOCUMENT, document.tables(figures, load(BEFORE), lines))
    return _summed(figures)


def _summed(figures: Sequence[Figures]) -> int:
    for line in document.summary(figures):
        command.say(line)
    return 0


def _condensed(measured: Iterable[rows.Row]) -> list[Figures]:
    return condensed((row.name, row.results) for row in measured)


def _whole(conditions: Sequence[Condition], training: Training, controls: bool) -> list[Figures]:
    """Everything, measured anew; kept in the cache as well."""
    measured = list(rows.measure(conditions, _note, controls))
    if controls:
        disturbed = list(simulated.conditions(SIMULATED_MINUTES))
        measured += rows.measure(disturbed, _note, controls=False)
    (CACHE / f"{training.name}.json").write_bytes(msgspec.json.encode(measured))
    return _condensed(measured)


def _quick(data: Path) -> list[Figures]:
    """One machine that needs no training."""
    first = next(machines.conditions(data, {}), None)
    if first is None:
        raise UserError(f"{data}: found no set of machines, expected e.g. mfs_compound")
    return _condensed(rows.measure([first], _note, controls=False))


def load(path: Path) -> Sequence[Figures]:
    """Figures that `--figures` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=list[Figures], dec_hook=_counter)


def _counter(_type: type, value: dict[str, int]) -> Counter[str]:
    return Counter(value)


def _note(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(command.main(parser()))
