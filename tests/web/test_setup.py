"""Set up on the page: what arrives, commissioning, the configuration and a backup."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.web.resources import configuration
from tests.conftest import eventually, free_port
from tests.support import workshop
from tests.support.page_client import get, request
from tests.support.workshop import BROKEN, RUNNING, Workshop

TOKEN = "a token that nobody guesses"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop.running(tmp_path_factory.mktemp("workshop")) as running:
        yield running


def commission(port: int, action: str, **more: Any) -> tuple[int, Any]:
    order = json.dumps({"action": action, "source": RUNNING} | more).encode()
    answer = request(port, "/api/commissioning", "POST", order)
    body = answer.read()
    return answer.status, json.loads(body) if answer.status == 200 else body.decode()


def commissioning(agent: Workshop) -> dict[str, Any]:
    status: dict[str, Any] = agent.source()["commissioning"]
    return status


def test_what_arrives_is_there_with_its_rate_its_level_and_what_was_lost(agent: Workshop) -> None:
    eventually(lambda: bool(agent.source()["levels"]), 10, "signal")
    running, ended = agent.source(RUNNING), agent.source(BROKEN)
    assert running["status"] == "ok"
    assert running["nominal_hz"] == 1000
    assert (running["gaps"], running["missing"], running["overrun"]) == (0, 0, 0)
    (level,) = running["levels"]
    assert 0 < level["rms"] < level["peak"]
    assert ended["samples"] == 7000
    assert ended["full_scale"] == pytest.approx(1, abs=1e-4)
    assert ended["levels"][0]["rms"] == pytest.approx(0.45, abs=0.1)  # clipped noise of 0.5


def test_a_baseline_is_learned_from_the_page_and_used_at_once(agent: Workshop) -> None:
    assert commission(agent.port, "start", source="none")[0] == 422
    assert commission(agent.port, "start", minutes=0)[0] == 400
    assert commission(agent.port, "stop")[0] == 404
    status, begun = commission(agent.port, "start", minutes=30)
    assert (status, begun["phase"]) == (200, "listening")
    assert commission(agent.port, "start")[1] == "this source is being commissioned already\n"
    eventually(lambda: commissioning(agent)["windows"] > 50, 10, "windows")
    assert commissioning(agent)["left_s"] > 1000
    assert commission(agent.port, "stop")[0] == 200
    eventually(lambda: commissioning(agent)["phase"] == "done", 30, "the baseline")
    assert agent.source()["baseline"] == "provisional"
    assert (agent.state_dir / f"baseline-{RUNNING}.json").is_file()
    card = next(c for c in get(agent.port, "/api/overview")["sources"] if c["name"] == RUNNING)
    assert card["baseline"] == "provisional"


def test_the_configuration_is_shown_and_a_mistake_is_beside_its_line(agent: Workshop) -> None:
    text = agent.configuration.read_text()
    shown = get(agent.port, "/api/configuration")
    assert (shown["file"], shown["text"]) == (str(agent.configuration), text)
    assert shown["mistake"] is None
    wrong = text.replace("kind: synth", "kind: sinth")
    agent.configuration.write_text(wrong)
    mistake = get(agent.port, "/api/configuration")["mistake"]
    agent.configuration.write_text(text)
    assert mistake["text"].startswith("sources[1].kind: found 'sinth', expected one of ")
    assert "kind: sinth" in wrong.splitlines()[mistake["line"] - 1]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("agent: {id: a}\nmqtt:\n  port: 99999\n", 3),
        ("agent:\n  id: a\nsauces: []\n", 3),
        ("agent: {id: a}\nmqtt:\n\tport: 1\n", 3),
        ("sources:\n- {name: a, kind: synth}\n- {name: a, kind: synth}\n", 3),
        ("agent: {id: a}\n", 1),
        ("mqtt:\n  tls:\n    ca_file: /none\nsources: [{name: a, kind: synth}]\n", 3),
        ("- a\n- b\n", 1),
        ("a: &a [*a]\n", 1),
    ],
)
def test_each_kind_of_mistake_is_beside_its_line(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    mistake = configuration.read(file).mistake
    assert mistake is not None
    assert mistake.line == line, mistake
    assert "\n" not in mistake.text


def test_a_backup_of_the_running_agent_is_downloaded(agent: Workshop) -> None:
    answer = request(agent.port, "/api/backup")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="hall-3.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
        names = archive.namelist()
        assert archive.read("config.yaml") == agent.configuration.read_bytes()
    assert {"state/outbox.sqlite", "state/events.sqlite", "manifest.json"} <= set(names)
    assert not [name for name in names if "evidence" in name or "secrets" in name]


def test_nothing_of_it_is_given_to_who_has_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    page = {"token_file": str(tmp_path / "token")}
    tree = workshop.settings(tmp_path, 0)
    port = free_port()
    with workshop.started(tmp_path, tree | {"page": page | {"port": port}}, port):
        for path in ("backup", "configuration", "setup", "events", "clip/file?name=a.flac"):
            assert request(port, f"/api/{path}").status == 401
        for path in ("event", "commissioning", "dataset"):
            assert request(port, f"/api/{path}", "POST", b"{}").status == 401
        bearer, foreign = f"Bearer {TOKEN}", "http://example.org"
        assert request(port, "/api/backup", Authorization=bearer).status == 200
        posted = request(port, "/api/event", "POST", b"{}", Authorization=bearer, Origin=foreign)
        assert posted.status == 403
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["page"]["port"] == port
