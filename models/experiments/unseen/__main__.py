"""Judges machines that no network has seen, as their owners would commission and run them.

    python -m models.experiments.unseen --data DATA [--quick]

Networks without each rig are trained first and kept in `runs/unseen`, with all that was measured;
then the tables of `docs/UNSEEN.md` are written. With `--quick` one machine is judged by the
released network, and nothing is written.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.core.errors import UserError
from models import command
from models.experiments.unseen import document, left_out, lines_alone, machines, rows, simulated
from models.experiments.unseen.figures import Figures, condensed
from models.experiments.unseen.left_out import Training
from models.experiments.unseen.machines import Condition

CACHE, DOCUMENT = Path("runs/unseen"), Path("docs/UNSEEN.md")
SIMULATED_MINUTES = 10.0  # of each of six machines: an hour
BEFORE = Path(__file__).with_name("before.json")  # by `--figures`, with the agent as it was


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.experiments.unseen")
    parser.add_argument("--data", type=Path, required=True, help="where the data sets lie")
    parser.add_argument("--quick", action="store_true", help="one machine, in seconds")
    parser.add_argument("--preset", default=Training.preset, help="%(default)s")
    parser.add_argument("--steps", type=int, default=Training.steps, help="%(default)s")
    parser.add_argument("--batch", type=int, default=Training.batch, help="%(default)s")
    parser.add_argument("--no-controls", action="store_true", help="the machines as recorded only")
    parser.add_argument("--figures", type=Path, help="writes the figures there, and no document")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.quick:
        figures = _quick(options.data)
    else:
        training = Training(options.preset, options.steps, options.batch)
        networks = left_out.networks(options.data, CACHE, training, _note)
        conditions = list(machines.conditions(options.data, networks))
        figures = _whole(conditions, training, not options.no_controls)
        if options.figures is not None:
            options.figures.write_bytes(msgspec.json.encode(figures))
        else:
            lines = lines_alone.table(conditions)
            document.write(DOCUMENT, document.tables(figures, load(BEFORE), lines))
    for line in document.summary(figures):
        command.say(line)
    return 0


def _whole(conditions: Sequence[Condition], training: Training, controls: bool) -> list[Figures]:
    """Everything, measured anew; kept in the cache as well."""
    measured = list(rows.measure(conditions, _note, controls))
    if controls:
        disturbed = list(simulated.conditions(SIMULATED_MINUTES))
        measured += rows.measure(disturbed, _note, controls=False)
    (CACHE / f"{training.name}.json").write_bytes(msgspec.json.encode(measured))
    return condensed((row.name, row.results) for row in measured)


def _quick(data: Path) -> list[Figures]:
    """One machine that needs no training."""
    first = next(machines.conditions(data, {}), None)
    if first is None:
        raise UserError(f"{data}: found no set of machines, expected e.g. mfs_compound")
    measured = rows.measure([first], _note, controls=False)
    return condensed((row.name, row.results) for row in measured)


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
