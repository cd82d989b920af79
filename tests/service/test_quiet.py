"""The daemon phones nobody, writes nowhere else, and carries no training with it."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support.paths import PROJECT

QUIET_S = float(os.environ.get("DRSN_QUIET_S", "8"))
PORT = 18830  # where nobody is: the namespace is empty
# Readers of formats: the agent runs each in a process of its own, for one recording.
IN_A_PROCESS = {"matlab.py": {"scipy"}, "parquet.py": {"pyarrow"}}
Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def imported(file: Path) -> set[str]:
    """Top-level names that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("file", sorted((PROJECT / "agent").rglob("*.py")), ids=lambda f: f.name)
def test_the_agent_imports_neither_models_nor_torch_nor_scipy(file: Path) -> None:
    heavy = {"models", "torch", "scipy", "onnx", "sklearn"}
    assert imported(file) & heavy == IN_A_PROCESS.get(file.name, set()) & heavy


def test_only_archives_import_what_only_archives_need() -> None:
    """pyarrow, fsspec and Ray are in `agent/jobs/archive`, which nothing but its verb imports."""
    heavy = {"pyarrow", "fsspec", "ray"}
    archive = PROJECT / "agent" / "jobs" / "archive"
    files = [file for file in (PROJECT / "agent").rglob("*.py") if archive not in file.parents]
    assert {file.name for file in files if imported(file) & heavy} == {"parquet.py"}
    users = [file.name for file in files if re.search(r"agent\.jobs\.archive", file.read_text())]
    assert users == ["score.py"]
    code = "import agent.service.daemon, agent.cli.main, agent.cli.run, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    names = {name.partition(".")[0] for name in loaded.stdout.decode().split()}
    assert not names & {*heavy, "scipy", "torch", "apprise"}


@pytest.mark.parametrize("module", ["models", "models.zoo", "models.cli.main"])
def test_what_the_command_line_needs_of_models_is_free_of_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_running_daemon_has_no_torch_and_no_scipy_in_it(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    agent = run_agent(settings(broker.port, kind="synth", rate_hz=1000))
    eventually(lambda: bool(subscriber.of("state")), 20, "a state")
    maps = Path(f"/proc/{agent.process.pid}/maps").read_text()
    assert "onnxruntime" in maps
    assert not re.search(r"/(torch|scipy|sklearn|onnx|pyarrow|ray)/", maps)
    assert agent.stop() == 0


def bare(home: Path) -> dict[str, str]:
    """An environment in which nothing is said of telemetry. $CI is no part of it: ONNX Runtime
    keeps quiet where it is set, and so would these tests."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


def traced(run_agent: Start, tree: dict[str, Any], log: Path, **how: Any) -> list[str]:
    """The system calls that open for writing, create or connect, of a whole run."""
    calls = "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,connect,listen"
    strace = ("strace", "-f", "-qq", "-e", f"trace={calls}", "-o", str(log))
    agent = run_agent(tree, prefix=strace, **how)
    assert agent.wait(90) == 0, agent.logged()
    return log.read_text().splitlines()


@pytest.mark.skipif(
    shutil.which("strace") is None and not os.environ.get("CI"), reason="needs strace"
)
def test_no_socket_but_the_brokers_and_no_file_outside_the_state_directory(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Start,
    settings: Settings,
    wav: Path,
    tmp_path: Path,
) -> None:
    """Would catch ONNX Runtime's telemetry, which opens sockets and writes under $HOME."""
    home = tmp_path / "home"
    home.mkdir()
    tree = settings(broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True)
    lines = traced(run_agent, tree, tmp_path / "trace", env=bare(home))
    assert not [line for line in lines if " listen(" in line]
    connects = [line for line in lines if " connect(" in line]
    assert connects, "the trace saw nothing"
    for line in connects:
        assert f"htons({broker.port})" in line, line
        assert 'inet_addr("127.0.0.1")' in line, line
    state = tmp_path / "state"
    writes = [line for line in lines if re.search(r"O_WRONLY|O_RDWR|O_CREAT|mkdir|rename", line)]
    assert any(str(state / "outbox.sqlite") in line for line in writes), "the trace saw nothing"
    for line in writes:
        allowed = (str(state), "/dev/null", "/dev/tty", "/dev/shm/sem")
        assert any(f'"{each}' in line for each in allowed[:3]), line
    assert list(home.rglob("*")) == []


@pytest.mark.skipif(
    (os.geteuid() != 0 or shutil.which("strace") is None) and not os.environ.get("CI"),
    reason="needs root and strace",
)
def test_in_an_empty_network_namespace_every_socket_is_for_the_broker(
    run_agent: Start, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """$DRSN_QUIET_S seconds of a network without anybody: it goes on scoring, and knocks at the
    broker's door alone; no name is asked for, nothing else is tried."""
    home, log = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    empty = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    calls = "trace=socket,connect,listen"
    strace = ("strace", "-f", "-qq", "-e", calls, "-o", str(log))
    began_s, tree = time.monotonic(), settings(PORT, kind="synth", rate_hz=1000, repeat=True)
    agent = run_agent(tree, prefix=(*empty, *strace), env=bare(home))
    eventually(
        lambda: time.monotonic() - began_s > QUIET_S, QUIET_S + 30, "that it has run so long"
    )
    assert "running with 1 source(s)" in agent.logged()
    child = Path(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children").read_text()
    os.kill(int(child.split()[0]), signal.SIGTERM)
    assert agent.wait(15) == 0, agent.logged()
    made = re.findall(r" socket\((\w+), .* = \d+", text := log.read_text())
    sought = re.findall(r" connect\(\d+, (.*)\) = ", text)
    with capsys.disabled():
        print(f"\n{QUIET_S:g} s: {len(made)} sockets, {len(sought)} connects, all to the broker")
    assert made, "the trace saw nothing"
    assert set(made) == {"AF_INET"}
    assert len(sought) == len(made)
    assert all(f"htons({PORT})" in each and '"127.0.0.1"' in each for each in sought)
    assert " listen(" not in text


def test_the_trace_would_catch_telemetry(tmp_path: Path) -> None:
    """Without our switch, importing ONNX Runtime does write under $HOME; if it no longer does,
    the test above has lost its subject and should be looked at."""
    env = bare(tmp_path)
    subprocess.run([sys.executable, "-c", "import onnxruntime"], env=env, check=True)
    assert list(tmp_path.rglob("*onnxruntime*"))
    for file in tmp_path.rglob("*"):
        assert file.exists()
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    code = "import agent, onnxruntime"
    subprocess.run([sys.executable, "-c", code], env=env, check=True, cwd=PROJECT)
    assert list(tmp_path.rglob("*")) == []
