"""Signals that other programs send end nothing and cost no window."""

import itertools
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.hostile.run import GROWTH_MIB, rss_mib

STORM = (
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGPIPE,
    signal.SIGWINCH,
    signal.SIGCHLD,
    signal.SIGCONT,
    signal.SIGURG,
)
SIGNALS = 2000


@pytest.mark.timeout(120)
def test_a_storm_of_signals_ends_nothing_and_costs_no_window(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    settings: Callable[..., dict[str, Any]],
) -> None:
    synth = {"kind": "synth", "rate_hz": 1000, "repeat": True, "publish_windows": True}
    agent = run_agent(settings(broker.port, **synth))
    eventually(lambda: "running with" in agent.logged(), 20, "the start")
    eventually(lambda: len(subscriber.of("window")) > 3, 20, "windows")
    before_mib = rss_mib(agent.process.pid)
    for number in itertools.islice(itertools.cycle(STORM), SIGNALS):
        agent.process.send_signal(number)
    before = len(subscriber.of("window"))
    eventually(lambda: len(subscriber.of("window")) > before + 10, 20, "windows after that")
    assert rss_mib(agent.process.pid) - before_mib < GROWTH_MIB
    assert "reload" in agent.logged()
    assert "Traceback" not in agent.logged()
    assert agent.stop() == 0
    firsts = [window["first_sample"] for window in subscriber.records("window")]
    assert firsts == list(range(0, 100 * len(firsts), 100))
