"""A reload keeps what is unchanged and begins anew what is not: keys, model file, baseline."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config import load
from agent.config.load import Config, differences
from agent.config.page import Page
from agent.core.errors import ConfigError
from agent.diagnosis.baseline import file
from agent.pipeline.source_build import Runtime
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.topology import Change, Topology
from tests.conftest import free_port
from tests.diagnosis.test_baseline import baseline
from tests.support import tiny

SOURCE = {"name": "bearing-de", "kind": "synth", "rate_hz": 1000}
NAME = ["bearing-de"]
KEPT: tuple[list[str], ...] = (NAME, [], [])
POINTS = [{"name": "x", "channels": [0]}, {"name": "y", "channels": [9]}]
ANEW: tuple[list[str], ...] = ([], NAME, NAME)


@pytest.fixture
def tree(tmp_path: Path, tiny_model: Path) -> dict[str, Any]:
    """One simulated source, whose windows are those of the baseline in `test_baseline`."""
    return {
        "agent": {"id": "a", "state_dir": str(tmp_path)},
        "sources": [SOURCE | {"model": str(tiny_model)}],
    }


class Started:
    """A topology whose sources nobody reads: what `change` decides shows at once."""

    def __init__(self, config: Config) -> None:
        self.reading: list[SourcePipeline] = []
        self.topology = Topology(config, Runtime(), self.reading.append)
        self.topology.start()

    def change(self, config: Config) -> tuple[list[str], ...]:
        change = self.topology.change(config)
        return change.kept, change.removed, change.added


@pytest.fixture
def started(tree: dict[str, Any]) -> Iterator[Started]:
    started = Started(load.parse(tree))
    yield started
    started.topology.stop()


def test_the_same_configuration_keeps_every_source(started: Started, tree: dict[str, Any]) -> None:
    assert started.change(load.parse(tree)) == KEPT
    assert started.topology.settled


def test_a_source_that_was_commissioned_since_begins_anew(
    started: Started, tree: dict[str, Any], tmp_path: Path
) -> None:
    file.save(baseline(), tmp_path)
    assert started.change(load.parse(tree)) == ANEW


@pytest.mark.parametrize("changed", ["made", "points"])
def test_a_source_whose_baseline_changed_begins_anew(
    tree: dict[str, Any], tmp_path: Path, changed: str
) -> None:
    """By its time, and by its content where somebody edited the file."""
    first = baseline()
    file.save(first, tmp_path)
    started = Started(load.parse(tree))
    assert started.change(load.parse(tree)) == KEPT
    lowered = [msgspec.structs.replace(point, threshold=0.5) for point in first.points]
    values: dict[str, Any] = {"made": "2026-01-01T00:00:00Z", "points": tuple(lowered)}
    file.save(msgspec.structs.replace(first, **{changed: values[changed]}), tmp_path)
    assert started.change(load.parse(tree)) == ANEW
    started.topology.stop()


def test_a_source_whose_baseline_was_deleted_begins_anew(
    tree: dict[str, Any], tmp_path: Path
) -> None:
    file.save(baseline(), tmp_path)
    started = Started(load.parse(tree))
    file.path(tmp_path, "bearing-de").unlink()
    assert started.change(load.parse(tree)) == ANEW
    started.topology.stop()


def test_a_source_whose_model_file_was_replaced_begins_anew(
    started: Started, tree: dict[str, Any], tiny_model: Path
) -> None:
    tiny.write(tiny_model, tiny.contract(version="2"))
    assert started.change(load.parse(tree)) == ANEW


def test_the_successor_of_a_source_begins_only_when_it_is_scored_to_its_end(
    started: Started, tree: dict[str, Any]
) -> None:
    (old,) = started.reading
    tree["sources"][0]["hop_s"] = 0.2
    started.change(load.parse(tree))
    assert old.stopping.is_set()
    assert not started.topology.settle()
    assert started.topology.pipelines == [old]
    old.ring.close()
    assert started.topology.settle()
    (new,) = started.topology.pipelines
    assert started.reading == [old, new]
    assert (new.hop, started.topology.scorers) == (200, [new.scorer])


def test_a_device_with_a_changed_point_begins_anew_with_all_of_its_points(
    tree: dict[str, Any],
) -> None:
    points: list[dict[str, Any]] = [{"name": name, "channels": [0]} for name in ("x", "y")]
    tree["sources"][0] |= {"name": "motor", "points": points}
    tree["sources"].append(SOURCE | {"name": "other", "model": tree["sources"][0]["model"]})
    started = Started(load.parse(tree))
    (x, y, other) = started.topology.pipelines
    assert (x.reader, x.stopping, started.reading) == (y.reader, y.stopping, [x, other])
    assert started.change(load.parse(tree)) == (["x", "y", "other"], [], [])

    points[1]["rpm"] = 1500.0
    points.append({"name": "z", "channels": [0]})
    assert started.change(load.parse(tree)) == (["other"], ["x", "y"], ["x", "y", "z"])
    assert x.stopping.is_set()
    assert not other.stopping.is_set()
    x.ring.close()
    assert not started.topology.settle(), "y is not scored to its end"
    y.ring.close()
    assert started.topology.settle()
    assert sorted(started.topology.by_name) == ["other", "x", "y", "z"]
    assert started.reading == [x, other, started.topology.by_name["x"]], "one reader a device"

    del points[0]
    kept, removed, added = started.change(load.parse(tree))
    assert (kept, removed, added) == (["other"], ["x", "y", "z"], ["y", "z"])
    started.topology.stop()


def test_a_configuration_that_cannot_be_built_changes_nothing(
    started: Started, tree: dict[str, Any]
) -> None:
    wrong = SOURCE | {"name": "other", "model": tree["sources"][0]["model"], "channels": [1]}
    with pytest.raises(ConfigError, match=r"sources\[1\] \(other\): channels: found \[1\]"):
        started.topology.change(load.parse(tree | {"sources": [*tree["sources"], wrong]}))
    assert started.topology.settled
    assert not started.reading[0].stopping.is_set()


@pytest.fixture
def held(tree: dict[str, Any]) -> Iterator[tuple[Started, dict[str, Any]]]:
    """A node that only one reader can hear, and the tree that its tests change."""
    port = free_port(socket.SOCK_DGRAM)
    node = {"kind": "udp", "rate_hz": 1000, "listen": f"127.0.0.1:{port}", "interleaved": 3}
    tree["sources"][0] |= node | {"channels": [2]}
    started = Started(load.parse(tree))
    yield started, tree
    for pipeline in started.topology.pipelines:
        pipeline.reader.close()
    started.topology.stop()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"channels": [3]},
            r"^sources\[0\] \([\w-]+\): channels: found \[3\], expected 1 of 0 to 2",
        ),
        ({"channels": None}, r"^sources\[0\] \([\w-]+\): channels: found 3 in the source"),
        (
            {
                "channels": None,
                "points": [{"name": n, "channels": [c]} for n, c in (("x", 0), ("y", 9))],
            },
            r"^sources\[0\] \([\w-]+\): points\[1\] \(y\): channels: found \[9\], expected 1",
        ),
    ],
)
def test_a_reload_that_does_not_fit_a_device_in_use_is_refused(
    held: tuple[Started, dict[str, Any]], keys: dict[str, Any], message: str
) -> None:
    started, tree = held
    tree["sources"][0] |= keys
    with pytest.raises(ConfigError, match=message):
        started.topology.change(load.parse(tree))
    assert started.topology.settled
    assert not started.reading[0].stopping.is_set()


def test_a_device_that_turns_out_not_to_fit_after_a_reload_is_a_fault_of_its_source_alone(
    held: tuple[Started, dict[str, Any]],
) -> None:
    started, tree = held
    tree["sources"][0] |= {"interleaved": 2}  # another format, known once the node is free
    assert started.change(load.parse(tree)) == ANEW
    (old,) = started.topology.pipelines
    old.reader.close()
    old.ring.close()
    assert started.topology.settle()
    (new,) = started.topology.pipelines
    assert started.reading == [old, new]
    assert "channels: found [2], expected 1 of 0 to 1" in new.reader.status()


def test_a_change_is_described_in_one_line() -> None:
    change = Change(kept=["a", "b"], removed=[], added=["c"], restart_needed=["mqtt.port"])
    text = "kept a, b; removed none; added c; needs a restart: mqtt.port"
    assert change.describe() == text


def test_differences_name_changed_keys_as_the_file_spells_them(tree: dict[str, Any]) -> None:
    old = load.parse(tree)
    new = msgspec.structs.replace(
        old,
        mqtt=msgspec.structs.replace(old.mqtt, port=9),
        rollout=msgspec.structs.replace(old.rollout, source="/bundles"),
        page=Page(),
        sources=(),
    )
    assert differences(old, new) == ["mqtt.port", "page", "rollout.from"]
    assert differences(new, new) == []
