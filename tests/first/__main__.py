"""`python -m tests.first [--data FOLDER] [--write]`: a new user's first hour, as root.

It needs debootstrap and a network. `--write` puts the times into docs/FIRST.md.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import DOCS, PROJECT

from . import computer, material
from .computer import HOME, Computer
from .steps import CHECKOUT, CLONE, RUN, STEPS, Step

DOCUMENT = DOCS / "FIRST.md"
TABLE = re.compile(r"(?<=<!-- first: begin -->\n).*?(?=<!-- first: end -->)", re.DOTALL)
PROBE = "first_state.py"
STEP_S = 3600.0
ALARMING = ("Traceback", "Warning:", "ERROR")


@dataclass(frozen=True)
class Done:
    """A step, what it took and what it printed."""

    step: Step
    code: int
    wall_s: float
    output: str

    @property
    def is_good(self) -> bool:
        return self.code == 0 and not any(word in self.output for word in ALARMING)

    @property
    def quoted(self) -> str:
        found = re.search(self.step.shows, self.output, re.MULTILINE) if self.step.shows else None
        return found[0].replace("|", "\\|") if found else ""


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.first", description=__doc__)
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--write", action="store_true", help="put the times into the document")
    arguments = parser.parse_args()
    results: list[Done] = []
    with computer.fresh() as machine:
        _put_checkout(machine)
        for step in STEPS:
            results.append(_do(machine, step))
            print(
                f"{step.title}: {results[-1].wall_s:.1f} s, exit code {results[-1].code}",
                flush=True,
            )
            if not results[-1].is_good:
                print(results[-1].output)
                return 1
            if step is CLONE:
                material.put(arguments.data, machine.home / "drsn-agent")
                machine.give(machine.home)
        text = f"{_table(results)}\n{_facts(machine)}\n"
    print(text)
    if arguments.write:
        DOCUMENT.write_text(TABLE.sub(lambda _: text, DOCUMENT.read_text()))
    return 0


def _put_checkout(machine: Computer) -> None:
    """What a host of the project would serve, with the present commit as its main branch."""
    bare = machine.root / CHECKOUT[1:]
    subprocess.run(["git", "clone", "--quiet", "--bare", PROJECT, bare], check=True)
    head = subprocess.check_output(["git", "-C", PROJECT, "rev-parse", "HEAD"], text=True).strip()
    for line in (
        ("update-ref", "refs/heads/main", head),
        ("symbolic-ref", "HEAD", "refs/heads/main"),
    ):
        subprocess.run(["git", "-C", bare, *line], check=True)
    machine.give(bare)
    shutil.copy(Path(__file__).with_name(PROBE), machine.root / "srv" / PROBE)


def _do(machine: Computer, step: Step) -> Done:
    folder = HOME if step is CLONE else f"{HOME}/drsn-agent"
    typed = f"python3 /srv/{PROBE} {step.typed}" if step is RUN else step.typed
    command = machine.command(typed, folder, step.network)
    began_s = time.monotonic()
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=STEP_S,
    )
    return Done(step, ended.returncode, time.monotonic() - began_s, ended.stdout)


def _table(results: list[Done]) -> str:
    rows = [
        "| step | typed | wall time, s | it says |",
        "| --- | --- | --- | --- |",
    ]
    for done in results:
        wall, quoted = f"{done.wall_s:.1f}", done.quoted
        if done.step is RUN:
            found = json.loads(done.output.splitlines()[-1])
            wall = f"{found['state_s']:.1f} to the first state, {found['page_s']:.1f} to the page"
            quoted = f"last decision: {found['decision']} {found['label'] or ''}".rstrip()
        rows.append(f"| {done.step.title} | `{done.step.line}` | {wall} | {quoted} |")
    total_s = sum(done.wall_s for done in results)
    return "\n".join([*rows, "", f"All of it: {total_s / 60:.1f} minutes.\n"])


def _facts(machine: Computer) -> str:
    sizes = []
    for name in (".venv", "venv"):
        line = ["du", "-sm", str(machine.home / "drsn-agent" / name)]
        sizes.append(f"`{name}` {subprocess.check_output(line, text=True).split()[0]} MB")
    load = f"load {os.getloadavg()[0]:.1f} at the end"
    day = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    return f"{day}, {os.cpu_count()} processors, {load}. On the disk: {', '.join(sizes)}.\n"


if __name__ == "__main__":
    sys.exit(main())
