"""`python -m tests.faults [NAME ...] [--quick] [--write]`: injects, counts, judges, prints a table.

Needs mosquitto; as root also iproute2, iptables, e2fsprogs and faketime, without which those rows
are skipped. `--write` puts the table in docs/RELIABILITY.md.
"""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnxruntime

from tests.conftest import MOSQUITTO
from tests.support.paths import PROJECT

from .outcome import INJECTIONS, Injection, Outcome
from .run import run

DOCUMENT = PROJECT / "docs" / "RELIABILITY.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
HEAD = "| injection | must be so | counted | | s | at |\n|---|---|---|---|---|---|"


def main() -> int:
    given = _arguments()
    chosen = [INJECTIONS[name] for name in given.names or INJECTIONS]
    print(f"{_machine()}{' Smaller sizes.' if given.quick else ''}\n\n{HEAD}", flush=True)
    rows = {row: outcome for outcome, row in _printed(chosen, given.quick, given.keep)}
    outcomes = list(rows.values())
    failed = [o.injection.name for o in outcomes if not (o.passed or o.skipped)]
    skipped = sum(outcome.skipped is not None for outcome in outcomes)
    passed = len(outcomes) - len(failed) - skipped
    took_s = sum(outcome.seconds for outcome in outcomes)
    print(f"\n{passed} passed, {len(failed)} failed, {skipped} skipped in {took_s:,.0f} s")
    if given.write:
        _write(list(rows))
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *INJECTIONS])
    parser.add_argument("--quick", action="store_true", help="the same with smaller sizes")
    parser.add_argument("--write", action="store_true", help="put the table in the document")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep logs and files there")
    given = parser.parse_args()
    if given.write and given.quick:
        parser.error("the document's table has full sizes: --write goes without --quick")
    return given


def _printed(
    injections: Sequence[Injection], quick: bool, keep: Path | None
) -> Iterator[tuple[Outcome, str]]:
    for injection in injections:
        folder = None if keep is None else keep / injection.name
        if folder is not None:
            folder.mkdir(parents=True)
        commit = _commit()
        outcome = run(injection, quick, folder)
        row = _row(outcome, commit)
        print(row, flush=True)
        yield outcome, row


def _row(outcome: Outcome, commit: str) -> str:
    injection = outcome.injection
    cells = (injection.words, injection.promise, outcome.counted, outcome.verdict)
    shown = " | ".join(cell.replace("|", "\\|") for cell in cells)
    return f"| {shown} | {outcome.seconds:.0f} | {commit} |"


def _commit() -> str:
    """The commit that is tried; with a plus where the agent is not as committed."""
    return _git("rev-parse", "--short", "HEAD") + "+" * bool(_git("status", "--short", "agent"))


def _git(*command: str) -> str:
    done = subprocess.run(
        ["git", *command], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _machine() -> str:
    version = subprocess.run([str(MOSQUITTO), "-h"], capture_output=True, text=True, check=False)
    broker = re.search(r"mosquitto version (\S+)", version.stdout)
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {os.cpu_count()} cores "
        f"({platform.machine()}), Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}, "
        f"mosquitto {broker[1] if broker else 'of unknown version'}."
    )


def _write(fresh: Sequence[str]) -> None:
    """Replaces what is between the markers; a row that was not run now stays, with its commit."""
    head, _, rest = DOCUMENT.read_text().partition(BEGIN)
    before, _, tail = rest.partition(END)
    rows = {line.split(" | ")[0]: line for line in before.splitlines()[4:]}
    rows |= {row.split(" | ")[0]: row for row in fresh}
    known = [rows[key] for each in INJECTIONS.values() if (key := f"| {each.words}") in rows]
    table = "\n".join([_machine(), "", HEAD, *known])
    DOCUMENT.write_text(f"{head}{BEGIN}{table}\n{END}{tail}")


if __name__ == "__main__":
    sys.exit(main())
