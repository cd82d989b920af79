"""Every benchmark runs: a figure of the documents can always be made again."""

import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks
from agent.inference import zoo
from tests.conftest import MOSQUITTO, recording

FIRST = next(iter(zoo.released()))
SMALL_FLEET = "--boxes 4 --processes 1 --hour-s 4 --down-s 1 --roll-s 1 --burst 2"

# The options of a run of seconds, and what it prints: a row or line of each of its parts.
RUNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "": (
        "--quick",
        (f"{FIRST}: 16 windows in one call", "ring and", "outbox on disk", "messages/s"),
    ),
    "archive": (
        "--quick",
        ("archive: local, 2 workers / 1", "5 s at 10000 Hz", "20 s at 10000 Hz"),
    ),
    "endurance": ("--quick", ("| 0.05 | ", "| nothing |")),
    "fleet": (SMALL_FLEET, ("| boxes, each a session of its own | 4 |", "the broker comes back")),
    "growth": ("--quick", ("batch 16, time a window", "| bearing | ", "4096 frames, to 2048")),
    "latency": ("--quick", ("| this | 1 | ", "every window published")),
    "memory": ("", ("onnxruntime", "the model bearing", "together")),
    "page": ("1", ("without a page", "page, nobody looks", "page, a browser")),
    "page_clients": ("1 1", ("16 sources, 32 browsers", "1 source, MiB of RSS")),
    "peers": ("--quick", (f"| {FIRST} | ours, float | ", f"| {FIRST} | torch.jit, frozen | ")),
    "resampling": ("--quick", ("| bearing | cwru | ", "| 51,200 | ")),
    "shrinkage": ("--quick", ("| `bearing` | ", "| without any threshold | ")),
    "start": ("--quick", ("| this | `--help` | ", "| this | `run`, to READY | ")),
    "shares": ("", ("a member is away", "session expires", "$share/", "max_queued_messages 1000")),
    "source_rate": ("--quick", ("bearing: right windows of 90 each", "   10000 ", "    9000 ")),
    "variants": ("--quick", (f"| {FIRST} | int8 | ", f"| {FIRST} | int8-full | ")),
    "whole": ("--quick", ("| 1 | 12,800 | ", "| 4 | 12,800 | ", "beyond the first costs")),
}
NEEDED = {
    "endurance": ("mosquitto",),
    "fleet": ("mosquitto", "psql"),
    "latency": ("mosquitto",),
    "page": ("chromium", "chromedriver"),
    "shares": ("mosquitto",),
    "whole": ("mosquitto",),
}


def modules() -> set[str]:
    """Those that are commands: a module with `main`, a package with `__main__`."""
    folder = Path(benchmarks.__path__[0])
    files = {info.name for info in pkgutil.iter_modules([str(folder)]) if not info.ispkg}
    commands = {name for name in files - {"__main__"} if "\ndef main(" in _source(folder, name)}
    return commands | {path.parent.name for path in folder.glob("*/__main__.py")} | {""}


def _source(folder: Path, name: str) -> str:
    return (folder / f"{name}.py").read_text()


def test_no_benchmark_is_without_a_run_of_seconds() -> None:
    assert modules() == set(RUNS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", RUNS, ids=lambda name: name or "parts")
def test_it_runs_and_prints_all_its_parts(name: str) -> None:
    for program in NEEDED.get(name, ()):
        if not (MOSQUITTO if program == "mosquitto" else shutil.which(program)):
            pytest.skip(f"needs {program}")
    if name in ("growth", "peers", "source_rate"):  # torch, or scipy with it
        pytest.importorskip("torch")
    if name == "resampling":
        pytest.importorskip("soxr")
        recording("cwru", "manifest.csv")
    arguments, parts = RUNS[name]
    module = f"benchmarks.{name}".rstrip(".")
    command = [sys.executable, "-m", module, *arguments.split()]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert ended.returncode == 0, ended.stderr
    for part in parts:
        assert part in ended.stdout


@pytest.mark.parametrize(
    "name",
    [
        "endurance",
        "growth",
        "latency",
        "peers",
        "resampling",
        "shrinkage",
        "start",
        "variants",
        "whole",
    ],
)
def test_the_figures_of_a_quick_run_are_not_written(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick", "--write"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "found --quick with --write, expected one of them" in ended.stderr
