"""`python -m tests.boot PACKAGE.deb [--write]`: a box's life, on a fresh Debian that boots.

As root, with debootstrap and systemd-container. `--write` puts the transcript in docs/BOOT.md.
"""

import argparse
import datetime
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.paths import DOCS

from . import passing, rollouts, steps
from .box import Check, Step, put
from .machine import SUITE, Machine, booted

DOCUMENT = DOCS / "BOOT.md"
STEPS: tuple[Step, ...] = (
    steps.install,
    steps.ready,
    steps.killed,
    steps.hung,
    steps.reloaded,
    steps.stopped,
    steps.upgraded,
    steps.rebooted,
    steps.wrong,
    passing.passing,
    rollouts.rolled_out,
    rollouts.ended,
    rollouts.exposure,
    steps.purged,
)
HEAD = """# A box's life, on a fresh Debian

`make boot-test` (as root; debootstrap and systemd-container) makes a Debian, boots it with systemd
as its first process in a container without a network, installs the package beside a mosquitto, and
does to it what happens to a box. It writes this file: what was typed, answered and counted.

A container is no board: there is no sensor in it (the source is a simulated machine), and that the
unit lets a microphone through is not shown here; the serial line is a pseudo-terminal with the
name and the group of a real one.

Of a condition that passes, "back after" is the time from its end to the next window that a
subscriber receives. A condition lasts until the agent has ended twice for it or, where the agent
runs and waits, 6 s. After a longer time without its broker it is back up to
`mqtt.reconnect_max_s` later: 5 s here, 60 s unless it is set.
"""


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.boot", description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--write", action="store_true", help="put it in the document")
    parser.add_argument(
        "--only", nargs="+", metavar="STEP", default=[], help="besides the first two"
    )
    arguments = parser.parse_args()
    parts, failed = [HEAD, _machine(arguments.package)], 0
    with booted() as box:
        put(box, arguments.package, "drsn-agent.deb")
        _put_next(box, arguments.package)
        for run in STEPS:
            if arguments.only and run.__name__ not in ("install", "ready", *arguments.only):
                continue
            part, bad = _step(box, run)
            failed += bad
            parts.append(part)
            print(part, flush=True)
            if bad:
                break
    if arguments.write and not failed and not arguments.only:
        DOCUMENT.write_text("\n".join(parts))
    return 1 if failed else 0


def _lived(box: Machine, run: Step) -> list[Check]:
    try:
        return run(box)
    except TimeoutError as late:
        box.show("journalctl -q -o short-monotonic -n 40; ls -la /root; tail -3 /root/heard")
        return [Check("came to its end", late, False)]


def _step(box: Machine, run: Step) -> tuple[str, int]:
    """The step's part of the document, and how many of its checks failed."""
    checks = _lived(box, run)
    title = (run.__doc__ or "").partition("\n")[0].rstrip(".")
    judged = (f"- {'yes' if c.good else '**no**'}: {c.what}: {c.observed}" for c in checks)
    transcript = ["```", *box.transcript, "```"] if box.transcript else []
    parts = ("\n".join(lines) for lines in (transcript, box.table, judged))
    text = "\n\n".join([f"## {title}", *filter(None, parts)])
    box.transcript.clear()
    box.table.clear()
    return f"{text}\n", sum(not check.good for check in checks)


def _put_next(box: Machine, package: Path) -> None:
    """The same package as its next version: only dpkg can tell them apart."""
    with tempfile.TemporaryDirectory(prefix="drsn-next-") as folder:
        root = Path(folder) / "root"
        subprocess.run(["dpkg-deb", "-R", package, root], check=True)
        control = root / "DEBIAN" / "control"
        control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+next", control.read_text()))
        build = ["dpkg-deb", "-Znone", "--root-owner-group", "-b", str(root), f"{folder}/next.deb"]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        put(box, Path(folder) / "next.deb", "drsn-agent-next.deb")


def _machine(package: Path) -> str:
    version = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True)
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {package.name} "
        f"({package.stat().st_size / 2**20:.0f} MiB), Debian {SUITE} ({platform.machine()}) in "
        f"systemd-nspawn {version.stdout.split()[1]}, Linux {platform.release().split('-')[0]}.\n"
    )


if __name__ == "__main__":
    began_s = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began_s:.0f} s")
    sys.exit(code)
