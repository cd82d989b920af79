"""An observer of a daemon sees every window; a wrapper of its sources opens each of them."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.config import load
from agent.control.command_context import CommandContext
from agent.core.types import Scored, Source
from agent.delivery.outbox import Outbox
from agent.pipeline.source_build import OpenSource
from agent.pipeline.source_pipeline import SourcePipeline
from agent.service.daemon import Daemon


class Recorder:
    """An observer that keeps what it sees."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.firsts: list[int] = []
        self.names: set[str] = set()

    def start(self, context: CommandContext) -> None:
        self.calls.append(f"start {[pipeline.name for pipeline in context.pipelines]}")

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        self.firsts.append(scored.window.first)
        self.names |= {scored.source, pipeline.name}

    def close(self) -> None:
        self.calls.append(f"close after {len(self.firsts)}")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The daemon takes over signals of the process: here they are given back."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def config(wav: Path, tiny_model: Path) -> load.Config:
    source = {"name": "a", "kind": "file", "path": str(wav), "pace": "fast"}
    sources = [source | {"model": str(tiny_model)}]
    return load.parse({"agent": {"sink": "stdout"}, "sources": sources})


def test_an_observer_sees_every_window_in_order_between_start_and_close(
    config: load.Config,
) -> None:
    first, second = Recorder(), Recorder()
    assert Daemon(config, observers=[first, second]).run() == 0
    assert first.firsts == second.firsts == list(range(0, 6801, 100))
    assert first.names == {"a"}
    assert first.calls == second.calls == ["start ['a']", "close after 69"]


def test_each_source_is_opened_through_the_wrapper(config: load.Config) -> None:
    opened: list[Source] = []

    def wrap(open_source: OpenSource) -> Source:
        opened.append(open_source())
        return opened[-1]

    assert Daemon(config, wrap_source=wrap).run() == 0
    assert [source.format.rate_hz for source in opened] == [1000.0]


def test_a_recording_waits_while_the_outbox_is_crowded(
    config: load.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, looks = Recorder(), list[int]()

    def crowded(_outbox: Outbox) -> bool:
        looks.append(len(recorder.firsts))
        return len(looks) <= 5

    monkeypatch.setattr(Outbox, "crowded", property(crowded))
    assert Daemon(config, observers=[recorder]).run() == 0
    assert looks[:6] == [0, 0, 0, 0, 0, 0]
    assert len(recorder.firsts) == 69


def test_a_sensor_does_not_wait_for_a_crowded_outbox(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "crowded", property(lambda _outbox: True))
    scenario = {"rate_hz": 1000, "scenario": [{"duration_s": 0.5}]}
    source = {"name": "a", "kind": "synth", "model": str(tiny_model)} | scenario
    recorder = Recorder()
    config = load.parse({"agent": {"sink": "stdout"}, "sources": [source]})
    assert Daemon(config, observers=[recorder]).run() == 0
    assert recorder.firsts == [0, 100, 200, 300]


def test_a_recording_beside_a_sensor_does_not_make_it_wait(
    wav: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, looks = Recorder(), list[int]()

    def crowded(_outbox: Outbox) -> bool:
        looks.append(len(recorder.firsts))
        return len(looks) <= 200

    monkeypatch.setattr(Outbox, "crowded", property(crowded))
    recording = {"name": "a", "kind": "file", "path": str(wav), "pace": "fast"}
    sensor = {"name": "b", "kind": "synth", "rate_hz": 1000, "scenario": [{"duration_s": 0.5}]}
    sources = [source | {"model": str(tiny_model)} for source in (recording, sensor)]
    config = load.parse({"agent": {"sink": "stdout"}, "sources": sources})
    assert Daemon(config, observers=[recorder]).run() == 0
    assert len(looks) <= 200  # all was scored while the outbox was crowded
    assert recorder.names == {"a", "b"}


def test_what_is_optional_is_named_so_that_no_order_can_be_mistaken(config: load.Config) -> None:
    positional: Any = Daemon
    with pytest.raises(TypeError):
        positional(config, lambda: config)
