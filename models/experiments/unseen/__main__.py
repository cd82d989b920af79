"""Judges machines that no network has seen, as their owners would commission and run them.

    python -m models.experiments.unseen --data DATA [--quick | --only goals]

Networks without each rig are trained first and kept in `runs/unseen`, with all that was measured;
then the tables of `docs/UNSEEN.md` are written; `--only goals` writes those of the goals from what
is kept. With `--quick` one machine is judged by the released network, and nothing is written.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from agent.core.errors import UserError
from agent.diagnosis.baseline.fit import LEAST_DISTANCE
from models import command
from models.experiments import femto
from models.experiments.unseen import (
    document,
    goals,
    kept,
    left_out,
    line_controls,
    line_table,
    lines_alone,
    machines,
    repeats,
    rows,
    simulated,
    trained_rigs,
    unknown,
)
from models.experiments.unseen.figures import Figures, Share, condensed
from models.experiments.unseen.goals import Evidence
from models.experiments.unseen.kept import CACHE
from models.experiments.unseen.left_out import Training
from models.experiments.unseen.machines import Condition

DOCUMENT = Path("docs/UNSEEN.md")
SIMULATED_MINUTES = 10.0  # of each of six machines: an hour
MACHINES, LINES, TRAINED, GOALS = PARTS = ("machines", "lines", "trained", "goals")
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
        of_training = rows.measure(list(machines.trained_on(options.data)), _note, False)
        trained = _condensed(kept.save(TRAINED, training, of_training))
        document.write(DOCUMENT, trained_rigs.tables(trained), trained_rigs.MARKS)
    if MACHINES in parts or LINES in parts:
        _measure(options, parts, training)
    if GOALS in parts:
        _goals(options.data, training)
    return 0


def _parts(options: argparse.Namespace) -> Sequence[str]:
    """What is measured; figures in a file are those of the machines."""
    if options.figures is not None:
        return (MACHINES,)
    return (options.only,) if options.only else PARTS


def _measure(options: argparse.Namespace, parts: Sequence[str], training: Training) -> None:
    networks = left_out.networks(options.data, CACHE, training, _note)
    conditions = list(machines.conditions(options.data, networks))
    if LINES in parts:
        panel = line_controls.panels(options.data, CACHE, training)
        classical = _condensed(line_controls.measure(conditions, panel, _note))
        document.write(DOCUMENT, line_table.tables(classical), line_table.MARKS)
    if MACHINES in parts:
        _machines(options, conditions, training)


def _machines(
    options: argparse.Namespace, conditions: Sequence[Condition], training: Training
) -> None:
    """The machines themselves and their controls."""
    figures = _whole(conditions, training, not options.no_controls)
    if options.figures is not None:
        options.figures.write_bytes(msgspec.json.encode(figures))
    else:
        alone = lines_alone.table(conditions), repeats.table(conditions)
        document.write(DOCUMENT, document.tables(figures, load(BEFORE), *alone))
    _summed(figures)


def _goals(data: Path, training: Training) -> None:
    """From what the other parts kept, and the lives of `femto`."""
    heard, trained = kept.load(MACHINES, training), kept.load(TRAINED, training)
    networks = unknown.networks(heard, data, CACHE, training)
    document.write(DOCUMENT, unknown.tables(networks), unknown.MARKS)
    evidence = Evidence(
        *(_condensed(heard), load(BEFORE), _condensed(trained)),
        catch=unknown.together(networks, unknown.SHARES[0]),
        femto=_femto(data),
    )
    document.write(DOCUMENT, goals.table(evidence), goals.MARKS)


def _femto(data: Path) -> tuple[Share, Share] | None:
    """Alarms before the end, and bearings without one too early."""
    if not (data / "femto").is_dir():
        return None
    alarms = [femto.alarm(life, LEAST_DISTANCE) for life in femto.lives(data / "femto")]
    found, quiet, _ = femto.counts(alarms)
    return Share(found, len(alarms)), Share(quiet, len(alarms))


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
    return _condensed(kept.save(MACHINES, training, measured))


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
