"""Archives: whole or not there, never scored twice, and no recording stops the others."""

import argparse
import contextlib
import fcntl
import functools
import http.server
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import soundfile

from agent.cli import main, score
from agent.core.errors import UserError
from agent.jobs.archive import parquet
from agent.jobs.archive.engines.ray import RayEngine
from agent.jobs.archive.job import Job, Outcome, Task
from agent.jobs.archive.run import run
from agent.jobs.archive.worker import Worker
from agent.messages.records import Observation
from tests.conftest import eventually, free_port, quiet_then_loud
from tests.support import tiny


class Here:
    """The smallest engine: this very thread."""

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        yield from map(Worker(job), tasks)


def job_of(out: Path, model: Path, *options: str) -> Job:
    """What the command would make of these options."""
    parser = argparse.ArgumentParser()
    score.define(parser)
    line = ["unused", "--out", str(out), "--model", str(model), *options]
    return score.job(parser.parse_args(line))


def write(path: Path, seconds: int = 3, seed: int = 0) -> Path:
    samples = np.clip(quiet_then_loud(1000 * seconds, seed), -0.99, 0.99)
    soundfile.write(path, samples, 1000, subtype="PCM_16")
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(3):
        write(folder / f"r{number}.wav", seed=number)
    return folder


Scored = tuple[int, list[str]]


@pytest.fixture
def scored(tmp_path: Path, tiny_model: Path) -> Callable[..., Scored]:
    """Runs in this process; the exit code and what was said."""

    def scored(*paths: object, model: Path = tiny_model, options: Sequence[str] = ()) -> Scored:
        lines: list[str] = []
        job = job_of(tmp_path / "out", model, *options)
        return run(job, [str(path) for path in paths], Here(), lines.append), lines

    return scored


def files(out: Path) -> dict[str, int]:
    """Each file's name, and when it was written."""
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in sorted(out.glob("*/*"))}


def tables(out: Path) -> list[pa.Table]:
    """All windows, and all events, in an order that does not depend on who came first."""
    order = [("recording", "ascending"), ("seq", "ascending")]
    return [pq.read_table(out / folder).sort_by(order) for folder in ("windows", "events")]


Score = Callable[..., Scored]


def test_what_is_scored_is_not_scored_again(archive: Path, tmp_path: Path, scored: Score) -> None:
    code, said = scored(archive)
    assert (code, said[-1].split(":")[0]) == (0, "3 scored, 0 scored before, 0 failed")
    before = files(tmp_path / "out")
    assert len(before) == 6
    code, said = scored(archive / "r0.wav", f"{archive}/r*.wav", archive)
    assert (code, said[-1].split(":")[0]) == (0, "0 scored, 3 scored before, 0 failed")
    assert files(tmp_path / "out") == before


def test_a_run_that_was_cut_off_is_taken_up(archive: Path, tmp_path: Path, scored: Score) -> None:
    scored(archive)
    whole = tables(tmp_path / "out")
    gone = sorted((tmp_path / "out" / "events").iterdir())[0]
    gone.unlink()  # it was being written: what stands under another name is no file of the archive
    gone.with_name("cut.new").write_bytes(b"PAR1")
    assert scored(archive)[1][-1].startswith("1 scored, 2 scored before")
    assert tables(tmp_path / "out") == whole
    assert not list((tmp_path / "out").rglob("*.new"))


def test_a_changed_recording_takes_the_place_of_what_it_was(
    archive: Path, tmp_path: Path, scored: Score
) -> None:
    scored(archive)
    write(archive / "r1.wav", seconds=5)
    assert scored(archive)[1][-1].startswith("1 scored, 2 scored before")
    assert len(files(tmp_path / "out")) == 6
    windows, _ = tables(tmp_path / "out")
    recordings = windows["recording"].to_pylist()
    assert [recordings.count(str(archive / f"r{n}.wav")) for n in range(3)] == [29, 49, 29]


def test_another_model_or_option_stands_beside(
    archive: Path, tmp_path: Path, scored: Score
) -> None:
    scored(archive)
    other = tiny.write(tmp_path / "other.onnx", tiny.contract(version="2"))
    assert scored(archive, model=other)[1][-1].startswith("3 scored")
    assert scored(archive, options=["--hop-s", "0.05"])[1][-1].startswith("3 scored")
    windows, _ = tables(tmp_path / "out")
    versions = [model["version"] for model in windows["model"].to_pylist()]
    assert (versions.count("1"), versions.count("2")) == (3 * 29 + 3 * 57, 3 * 29)


def test_what_cannot_be_read_is_named_in_a_line_and_the_others_go_on(
    archive: Path, tmp_path: Path, scored: Score
) -> None:
    (archive / "text.wav").write_text("no sound")
    write(archive / "long.flac", seconds=60)
    half = (archive / "long.flac").read_bytes()[:30_000]
    (archive / "long.flac").write_bytes(half)
    soundfile.write(archive / "stereo.wav", np.zeros((2000, 2)), 1000)
    code, said = scored(archive, archive / "gone.wav")
    *troubles, total = said
    assert (code, total.split(":")[0]) == (1, "3 scored, 0 scored before, 4 failed")
    assert len(troubles) == 4
    by_name = {trouble.split(": ")[1]: trouble for trouble in troubles}
    assert "found no such recording" in by_name[str(archive / "gone.wav")]
    assert "not a recording that can be read" in by_name[str(archive / "text.wav")]
    assert "damaged at frame" in by_name[str(archive / "long.flac")]
    assert "channels: found 2 in the source" in by_name[str(archive / "stereo.wav")]
    assert len(files(tmp_path / "out")) == 6


def test_a_second_run_is_kept_out_of_the_folder(archive: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "agent", "score", str(archive), "--out", str(tmp_path)]
    line += ["--model", "bearing"]
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    second = subprocess.run(line, capture_output=True, text=True)
    os.close(lock)
    assert (second.returncode, second.stderr.count("\n")) == (75, 1)
    assert "--out: " in second.stderr
    assert "in use by another" in second.stderr


CONFIG = ("--config", "agent.yaml")
MISTAKES = {
    ("--rpm", "0"): "--rpm: found 0.0, expected a number >= 0.01",
    ("--bearing", "6205"): "--bearing: found no rpm or tacho beside it, expected the speed",
    (
        "--bearing",
        "6208",
        "--rpm",
        "1480",
    ): "--bearing: found '6208', expected a name that is known",
    ("--model", "bearings"): "model 'bearings': not in the zoo",
    ("--model", "bearing", "--hop-s", "0"): "--hop-s: found 0.0, expected a number > 0",
    ("--model", "bearing", "--start", "noon"): "--start: found 'noon', expected a time like",
    ("--model", "bearing", "--workers", "0"): "--workers: found 0, expected at least 1",
    ("--model", "bearing", "--address", "auto"): "--address: found it without --engine ray",
    ("--model", "bearing", "--out", "agent.yaml"): "--out: ",
    (*CONFIG, "--model", "bearing"): "--config: found --model beside it, expected the source to",
    CONFIG: "--source: found nothing, expected a source's name beside --config",
    (*CONFIG, "--source", "b"): "--source: found 'b', expected one of a",
}


@pytest.mark.parametrize("options", MISTAKES)
def test_a_mistake_is_one_line(
    options: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("agent.yaml").write_text("sources: [{name: a, kind: synth, model: bearing}]")
    assert main.main(["score", "r.wav", "--out", "out", *options]) in (1, 75, 78)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"drsn-agent: {MISTAKES[options]}")


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder over HTTP."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_remote_recording_is_fetched_scored_and_removed(
    archive: Path, tmp_path: Path, scored: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(fetched))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as bundle:
        bundle.write(archive / "r0.wav", "may/r0.wav")
        bundle.write(archive / "r1.wav", "may/r1.wav")
    inside = f"zip://may/*.wav::{tmp_path}/all.zip"
    with served(archive) as url:
        code, said = scored(archive / "r0.wav", inside, f"{url}/r0.wav", f"{url}/gone.wav")
        assert (code, said[-1].split(":")[0]) == (1, "4 scored, 0 scored before, 1 failed")
        assert scored(inside, f"{url}/r0.wav")[1][-1].startswith("0 scored, 3 scored before")
    assert list(fetched.iterdir()) == []
    windows, _ = tables(tmp_path / "out")
    by_recording = {
        name: windows.filter(pc.equal(windows["recording"], name)).column("probability").to_pylist()
        for name in set(windows["recording"].to_pylist())
    }
    mine = by_recording[str(archive / "r0.wav")]
    assert len(mine) == 29
    assert by_recording[f"{url}/r0.wav"] == mine
    assert by_recording[f"zip://may/r0.wav::{tmp_path}/all.zip"] == mine


def test_the_columns_are_the_fields_of_the_message(archive: Path, scored: Score) -> None:
    columns = parquet.schema()
    assert columns.names == ["recording", *Observation.__struct_fields__]
    assert columns.field("probabilities").type == pa.map_(
        pa.string(), pa.field("value", pa.float64(), nullable=False)
    )
    assert [columns.field(name).nullable for name in ("label", "decision")] == [True, False]
    assert columns.field("physics").type.value_type.field("evidence_db").type.num_fields == 4
    with pytest.raises(TypeError, match="has no column type"):
        parquet.schema(msgspec.defstruct("Odd", [("field", complex)]))


def test_a_file_that_fails_in_the_middle_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), parquet.Writer(tmp_path / "a.parquet", "r"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def peak_mib(recording: Path, job: Job) -> float:
    """Of a process that scores this recording and no more; VmHWM, since ru_maxrss is inherited."""
    code = (
        "import pathlib, pickle, re, sys; from agent.jobs.archive.worker import Worker;"
        "job, task = pickle.load(sys.stdin.buffer); outcome = Worker(job)(task);"
        "assert not outcome.trouble, outcome;"
        "print(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    given = pickle.dumps((job, Task(str(recording), recording.stem)))
    out = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, check=True)
    return int(out.stdout) / 1024


def test_memory_does_not_grow_with_the_recording(tmp_path: Path, tiny_model: Path) -> None:
    """Ten times as long, 8,000 s against 800: its samples alone would take 27 MiB more."""
    job = job_of(tmp_path, tiny_model, "--hop-s", "1")
    for folder in ("windows", "events"):
        (tmp_path / folder).mkdir()
    short, long = (write(tmp_path / f"{s}.wav", seconds=s) for s in (800, 8000))
    assert peak_mib(long, job) < peak_mib(short, job) + 22


def descendants(pid: int) -> dict[int, str]:
    """Processes that this one has started, and those have, with their command lines."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(stat[1])
            lines[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
    found = {pid}
    while more := {each for each, parent in parents.items() if parent in found} - found:
        found |= more
    return {each: lines[each] for each in found - {pid}}


def listening(pids: Iterable[int]) -> set[str]:
    """Addresses on which these processes listen, as /proc/net has them."""
    sockets = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    sockets.add(str(link.readlink()))
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    lines += Path("/proc/net/tcp6").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return {
        row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets
    }


WORKERS = {"local": "multiprocessing.spawn", "ray": "ray::MapWorker"}
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@dataclass(frozen=True)
class Undisturbed:
    """An archive, and what becomes of it where nothing happens: each file's bytes."""

    archive: Path
    options: tuple[str, ...]
    expected: dict[str, bytes]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("archive")
    model = tiny.write(tmp_path_factory.mktemp("model") / "tiny.onnx")
    for number in range(8):
        write(folder / f"r{number}.wav", seconds=200, seed=number)
    out, options = tmp_path_factory.mktemp("out"), ("--hop-s", "0.2")
    assert run(job_of(out, model, *options), [str(folder)], Here(), lambda _line: None) == 0
    return Undisturbed(folder, (*options, "--model", str(model)), contents(out))


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    engine = RayEngine(1, address)
    task = Task("r", "k")
    with pytest.raises(UserError, match=f"^--address: {address}: cannot connect: Conn"):
        list(engine.run(job_of(tmp_path, tiny.write(tmp_path / "tiny.onnx")), [task]))


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*")}


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_worker_that_is_killed_in_the_middle_costs_nothing(
    undisturbed: Undisturbed, tmp_path: Path, engine: Literal["local", "ray"]
) -> None:
    """All recordings are there, the same to the byte as from an undisturbed run."""
    line = [sys.executable, "-m", "agent", "score", str(undisturbed.archive), *undisturbed.options]
    line += ["--out", str(tmp_path), "--workers", "2", "--engine", engine]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    try:
        done = functools.partial(tmp_path.glob, "events/*.parquet")
        eventually(lambda: len(list(done())) >= 2 or process.poll() is not None, 300, "two scored")
        assert process.poll() is None, process.communicate()
        started = descendants(process.pid)
        workers = [pid for pid, command in started.items() if WORKERS[engine] in command]
        os.kill(workers[0], signal.SIGKILL)
        assert len(list(done())) < len(undisturbed.expected) / 2, "it was over before"
        assert listening(started) <= LOOPBACK
        _, said = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert said.splitlines()[-1].startswith("8 scored, 0 scored before, 0 failed")
    assert contents(tmp_path) == undisturbed.expected


def test_nothing_is_left_behind_by_a_run_that_is_killed(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    line = [sys.executable, "-m", "agent", "score", str(undisturbed.archive), *undisturbed.options]
    process = subprocess.Popen([*line, "--out", str(tmp_path), "--workers", "2"])
    eventually(lambda: bool(list(tmp_path.glob("events/*.new"))), 60, "scoring")
    started = descendants(process.pid)
    process.kill()
    process.wait()
    assert started
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), 20, "the end")
