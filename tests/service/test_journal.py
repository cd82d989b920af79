"""The real process takes down every change of state, and goes on after a restart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.delivery.journal import reading
from agent.delivery.journal.reading import Selection
from tests.conftest import Agent, Broker
from tests.support.listening import Listening

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
PHASES: list[dict[str, Any]] = [
    {"duration_s": 8.0, "snr_db": [10.0, 10.0]},
    {"duration_s": 8.0, "fault": "outer", "severity": [1.0, 1.0], "snr_db": [10.0, 10.0]},
]
FAST: dict[str, Any] = {"kind": "synth", "pace": "fast", "model": "bearing", "scenario": PHASES}
FAST |= {"rpm": 1797.0, "unit": "m/s2", "bearing": "6205"}


@pytest.mark.timeout(90)
def test_each_published_event_is_in_the_journal_with_its_sentence_and_clip(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    tree = settings(broker.port, **FAST) | {"evidence": {}}
    with Listening(broker.port) as listening:
        for run in (1, 2):
            agent = run_agent(tree)
            assert agent.wait() == 0
            path = Path(tree["agent"]["state_dir"]) / "events.sqlite"
            taken = reading.read(path, Selection(most=1000))[::-1]
            published = listening.of("event")
            assert [item.id for item in taken] == list(range(1, len(published) + 1)), run
    assert len(published) >= 4
    for item, message in zip(taken, published, strict=True):
        assert (item.source, item.kind) == (message["source"], "decision")
        assert (item.t, item.decision) == (message["t_end"], message["decision"])
        assert (item.fault, item.clip) == (message["label"], message["evidence"])
        assert item.sentence == message["basis"]["sentence"]
    assert any(item.clip and item.decision == "fault" for item in taken)
