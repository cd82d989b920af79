"""`python -m benchmarks.start`: how long commands take, beside an earlier commit in the same run.

`--help`, `check` of one source with `bearing`, and `run` until it reports READY (sd_notify). Wall
time is the larger on a busy machine; CPU time is the process's own. `--baseline FOLDER` is a
checkout of an earlier commit.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import document, options
from benchmarks.fleet.processes import cpu_s
from benchmarks.machine import described

HERE = Path(__file__).parents[1]
ROUNDS = 7
HEAD = ("agent", "command", "wall, s", "CPU, s")

Times = tuple[float, float]  # wall and CPU, in seconds


def main() -> None:
    parser = options.parser("start", __doc__)
    parser.add_argument("--baseline", type=Path, help="a checkout of an earlier commit")
    parser.add_argument("--python", default=sys.executable, help="that runs the agent")
    parser.add_argument("--write", action="store_true", help="into docs/PERFORMANCE.md")
    arguments = parser.parse_args()
    options.refuse_both(parser, arguments)
    agents = {"this": HERE} | ({"baseline": arguments.baseline} if arguments.baseline else {})
    taken: dict[tuple[str, str], list[Times]] = {}
    with tempfile.TemporaryDirectory() as folder:
        config = _config(Path(folder))
        for _ in range(options.rounds(ROUNDS, arguments.quick)):
            for command, measure in _commands(config).items():
                for name, checkout in agents.items():
                    times = measure([arguments.python, "-m", "agent"], checkout)
                    taken.setdefault((name, command), []).append(times)
    rows: list[tuple[str, ...]] = [(*key, *_medians(times)) for key, times in taken.items()]
    text = f"{described()} Medians of {ROUNDS} rounds.\n\n{document.table(HEAD, rows)}"
    print(text)
    if arguments.write:
        document.put("start", text)


def _commands(config: Path) -> dict[str, Callable[[list[str], Path], Times]]:
    return {
        "`--help`": lambda agent, folder: _ended([*agent, "--help"], folder),
        "`check`": lambda agent, folder: _ended([*agent, "check", "--config", str(config)], folder),
        "`run`, to READY": lambda agent, folder: _ready(
            [*agent, "run", "--log-level", "ERROR", "--config", str(config)], folder
        ),
    }


def _config(folder: Path) -> Path:
    source = {"name": "machine", "kind": "synth", "model": "bearing"}
    tree = {"agent": {"id": "start", "state_dir": f"{folder}/state"}, "sources": [source]}
    file = folder / "config.json"
    file.write_text(json.dumps(tree))
    return file


def _ended(command: Sequence[str], folder: Path) -> Times:
    began_s = time.monotonic()
    process = subprocess.Popen(
        command, env=_environment(folder), cwd=folder, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: ended by {status}, expected 0")
    return time.monotonic() - began_s, usage.ru_utime + usage.ru_stime


def _ready(command: list[str], folder: Path) -> Times:
    address = f"\0drsn-start-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(address)
        notified.settimeout(60)
        environment = _environment(folder) | {"NOTIFY_SOCKET": "@" + address[1:]}
        began_s = time.monotonic()
        process = subprocess.Popen(command, env=environment, cwd=folder)
        while b"READY=1" not in notified.recv(4096):
            pass
        times = time.monotonic() - began_s, cpu_s(process.pid)
    process.kill()
    process.wait()
    return times


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(folder)}


def _medians(times: Sequence[Times]) -> tuple[str, str]:
    walls, cpus = zip(*times, strict=True)
    return f"{statistics.median(walls):.2f}", f"{statistics.median(cpus):.2f}"


if __name__ == "__main__":
    main()
