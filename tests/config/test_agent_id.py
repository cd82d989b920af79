"""The default name of an agent: the short host name, and what an earlier version has used."""

import socket
from pathlib import Path
from typing import Any

import pytest

from agent.config import advice, load
from agent.config.agent import OUTBOX, SHORT_ID
from agent.messages.payloads import Topics
from agent.service.publishing import open_outbox

SOURCES = [{"name": "a", "kind": "synth", "rate_hz": 1000}]


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "box.example.com")


def tree(folder: Path, **agent: Any) -> dict[str, Any]:
    return {"agent": {"state_dir": str(folder)} | agent, "sources": SOURCES}


def test_the_default_is_the_host_name_without_its_domain(tmp_path: Path) -> None:
    assert load.parse(tree(tmp_path)).agent.id == "box"
    assert load.parse({"sources": SOURCES}).agent.id == "box"
    assert load.parse(tree(tmp_path, id="press.04")).agent.id == "press.04"


def test_it_stays_so_once_the_outbox_is_made(tmp_path: Path) -> None:
    config = load.parse(tree(tmp_path))
    open_outbox(config, Topics("drsn", config.agent.id)).close()
    assert load.parse(tree(tmp_path)).agent.id == "box"


def test_an_outbox_of_an_earlier_version_keeps_the_name_under_which_it_was_filled(
    tmp_path: Path,
) -> None:
    config = load.parse(tree(tmp_path))
    open_outbox(config, Topics("drsn", config.agent.id)).close()
    (tmp_path / SHORT_ID).unlink()  # up to 0.2 none was written
    assert (tmp_path / OUTBOX).exists()
    assert load.parse(tree(tmp_path)).agent.id == "box.example.com"


def test_a_name_with_a_dot_is_noted_by_its_key(tmp_path: Path) -> None:
    dotted = tree(tmp_path, id="box.example.com") | {"mqtt": {"base": "plant.1/drsn"}}
    dotted["sources"] = [SOURCES[0] | {"name": "fan.de"}]
    notes = advice.notes(load.parse(dotted))
    keys = [note.partition(":")[0] for note in notes]
    assert keys == ["agent.id", "mqtt.base", "sources[0].name"]
    assert "RabbitMQ" in notes[0]
    assert not advice.notes(load.parse(tree(tmp_path)))
    assert not advice.notes(load.parse(tree(tmp_path, id="a.b", sink="stdout")))
