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
from collections.abc import Iterable, Sequence
from pathlib import Path

import onnxruntime
from conftest import MOSQUITTO

from .outcome import INJECTIONS, Injection, Outcome
from .run import run

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "RELIABILITY.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
HEAD = "| injection | must be so | counted | | s |\n|---|---|---|---|---|"


def main() -> int:
    given = _arguments()
    chosen = [INJECTIONS[name] for name in given.names or INJECTIONS]
    print(f"{_machine(given.quick)}\n\n{HEAD}", flush=True)
    outcomes = list(_printed(chosen, given.quick, given.keep))
    failed = [o.injection.name for o in outcomes if not (o.passed or o.skipped)]
    skipped = sum(outcome.skipped is not None for outcome in outcomes)
    passed = len(outcomes) - len(failed) - skipped
    took_s = sum(outcome.seconds for outcome in outcomes)
    print(f"\n{passed} passed, {len(failed)} failed, {skipped} skipped in {took_s:,.0f} s")
    if given.write:
        _write(outcomes, given.quick)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *INJECTIONS])
    parser.add_argument("--quick", action="store_true", help="the same with smaller sizes")
    parser.add_argument("--write", action="store_true", help="put the table in the document")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep logs and files there")
    return parser.parse_args()


def _printed(chosen: Sequence[Injection], quick: bool, keep: Path | None) -> Iterable[Outcome]:
    for injection in chosen:
        folder = None if keep is None else keep / injection.name
        if folder is not None:
            folder.mkdir(parents=True)
        outcome = run(injection, quick, folder)
        print(_row(outcome), flush=True)
        yield outcome


def _row(outcome: Outcome) -> str:
    injection = outcome.injection
    cells = (injection.words, injection.promise, outcome.counted, outcome.verdict)
    shown = " | ".join(cell.replace("|", "\\|") for cell in cells)
    return f"| {shown} | {outcome.seconds:.0f} |"


def _machine(quick: bool) -> str:
    version = subprocess.run([str(MOSQUITTO), "-h"], capture_output=True, text=True, check=False)
    broker = re.search(r"mosquitto version (\S+)", version.stdout)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, commit {commit}"
        f"{', smaller sizes' if quick else ''}: {os.cpu_count()} cores ({platform.machine()}), "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"ONNX Runtime {onnxruntime.__version__}, "
        f"mosquitto {broker[1] if broker else 'of unknown version'}."
    )


def _write(outcomes: Sequence[Outcome], quick: bool) -> None:
    """Replaces what is between the markers; rows that were not run now stay as they were."""
    head, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    table = "\n".join([_machine(quick), "", HEAD, *map(_row, outcomes)])
    DOCUMENT.write_text(f"{head}{BEGIN}{table}\n{END}{tail}")


if __name__ == "__main__":
    sys.exit(main())
