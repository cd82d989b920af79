"""A configuration file with a mistake changes nothing, whatever the mistake is."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support.broken_configurations import CONFIGURATIONS

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def await_refusals(agent: Agent, count: int) -> None:
    eventually(lambda: agent.logged().count("reload refused") == count, 20, "a refused reload")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_check_says_what_is_wrong_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(CONFIGURATIONS[name])
    assert main.main(["check", "--config", str(file)]) in (75, 78)
    written = capsys.readouterr()
    assert written.err.startswith(f"drsn-agent: {file}: ") or "sources[0]" in written.err
    assert (written.err.count("\n"), len(written.err) < 1000) == (1, True)


@pytest.mark.timeout(300)
def test_under_load_no_broken_file_costs_a_window_or_a_number(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    synth = {"kind": "synth", "rate_hz": 1000, "repeat": True, "publish_windows": True}
    agent = run_agent(settings(broker.port, **synth, hop_s=0.01), stdin=-3)
    eventually(lambda: bool(subscriber.of("window")), 20, "windows")
    file = Path(agent.process.args[-1])  # type: ignore[index, arg-type]
    for refused, content in enumerate(CONFIGURATIONS.values(), 1):
        file.write_bytes(content)
        agent.process.send_signal(signal.SIGHUP)
        await_refusals(agent, refused)
    assert agent.stop() == 0
    eventually(lambda: subscriber.status()[-1:] == ["offline"], 5, "status offline")
    assert "Traceback" not in agent.logged()
    windows = [window["first_sample"] for window in subscriber.records("window")]
    assert windows == list(range(0, 10 * len(windows), 10))
    numbers = [r["seq"] for kind in ("window", "event", "state") for r in subscriber.records(kind)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
