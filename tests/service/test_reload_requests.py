"""A reload answers each request once, after all changes before it; a wrong file, with why."""

from pathlib import Path
from typing import Any, cast

import pytest

from agent.config import load
from agent.config.load import Config
from agent.core.errors import ConfigError
from agent.pipeline.source_build import Runtime
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.topology import Topology
from agent.service.publisher import Publisher
from agent.service.reload import Reload
from agent.service.reload_requests import ReloadRequests


class Announcements:
    """Counts what a publisher would announce."""

    def __init__(self) -> None:
        self.count = 0

    def announce(self, _config: object = None) -> None:
        self.count += 1


class World:
    """A topology of one source that nobody reads, and a configuration to read again."""

    def __init__(self, config: Config) -> None:
        self.requests = ReloadRequests()
        self.file: Config | ConfigError = config
        self.read = 0
        self.started: list[SourcePipeline] = []
        self.topology = Topology(config, Runtime(), self.started.append)
        self.announcements = Announcements()
        self.answers: list[tuple[str | None, str | None]] = []
        publisher = cast(Publisher, self.announcements)
        self.reload = Reload(self.requests, self.reread, self.topology, publisher)

    def reread(self) -> Config:
        self.read += 1
        if isinstance(self.file, ConfigError):
            raise self.file
        return self.file

    def answer(self, why: str | None = None, changes: str | None = None) -> None:
        self.answers.append((why, changes))


@pytest.fixture
def tree(tmp_path: Path, tiny_model: Path) -> dict[str, Any]:
    source = {"name": "a", "kind": "synth", "rate_hz": 1000, "model": str(tiny_model)}
    return {"agent": {"state_dir": str(tmp_path)}, "sources": [source]}


@pytest.fixture
def world(tree: dict[str, Any]) -> World:
    return World(load.parse(tree))


def test_requests_made_together_are_one_reload_and_each_is_answered(world: World) -> None:
    for answer in (world.answer, None, world.answer):
        world.requests.add(answer)
    world.reload.turn()
    world.reload.turn()
    assert world.read == 1
    assert world.answers == 2 * [(None, "kept a; removed none; added none")]


def test_without_a_request_nothing_is_read_or_announced(world: World) -> None:
    world.reload.turn()
    assert (world.read, world.announcements.count) == (0, 0)


def test_a_wrong_file_is_answered_with_why(world: World) -> None:
    world.file = ConfigError("sources: found none, expected at least one")
    world.requests.add(world.answer)
    world.reload.turn()
    assert world.answers == [("sources: found none, expected at least one", None)]


def test_a_request_during_a_change_waits_until_it_is_complete_and_announced(
    world: World, tree: dict[str, Any]
) -> None:
    tree["sources"][0]["hop_s"] = 0.2
    world.file = load.parse(tree)
    world.requests.add()
    world.reload.turn()
    world.requests.add(world.answer)
    world.reload.turn()
    assert (world.read, world.announcements.count, world.answers) == (1, 0, [])
    world.topology.pipelines[0].ring.close()
    world.reload.turn()
    assert (world.announcements.count, len(world.started)) == (1, 1)
    world.reload.turn()
    assert world.answers == [(None, "kept a; removed none; added none")]


def test_an_agent_without_a_file_says_so(world: World) -> None:
    publisher = cast(Publisher, world.announcements)
    reload = Reload(world.requests, None, world.topology, publisher)
    assert not reload.possible
    world.requests.add(world.answer)
    reload.turn()
    assert world.answers == [("there is no configuration file to read again", None)]
