"""What Prometheus scrapes is what `health` tells, and nothing is served that was not asked for."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.config import load
from agent.core.errors import UserError
from agent.messages.measurement import Measurement
from agent.messages.records import Health
from agent.service.metrics.snapshot import FRESH_S, Snapshot
from tests.conftest import Agent, Broker, eventually, free_port
from tests.support import dashboards, published
from tests.support.listening import Listening

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


RMS = "drsn_source_rms 0 bearing-de g"


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed: see the Makefile's target `packages`")
        pytest.skip(f"needs {name} (apt-get install prometheus)")
    return found


def get(port: int, path: str, authorization: str | None = None) -> tuple[int, str]:
    headers = {} if authorization is None else {"Authorization": authorization}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def scraped(port: int) -> dict[str, float]:
    """Samples by name and labels."""
    families = text_string_to_metric_families(get(port, "/metrics")[1])
    return {
        " ".join([sample.name, *sorted(sample.labels.values())]): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def serving(broker: Broker, run_agent: Start, settings: Settings) -> tuple[int, Agent]:
    port = free_port()
    machine = {"rpm": 1797.0, "bearing": "6205", "unit": "g", "measure_s": 1.0}
    tree = settings(broker.port, kind="synth", rate_hz=1000, **machine)
    tree |= {"metrics": {"port": port}, "agent": tree["agent"] | {"health_s": 0.5}}
    agent = run_agent(tree)
    eventually(lambda: "connected to" in agent.logged(), 20, "connected")
    eventually(lambda: RMS in scraped(port), 20, "windows, and a measurement")
    return port, agent


def test_the_same_is_told_as_in_health(serving: tuple[int, Agent], broker: Broker) -> None:
    port, agent = serving
    with Listening(broker.port) as listening:
        before = scraped(port)
        listening.until("health", 3)
        health = listening.of("health")[-1]
        eventually(
            lambda: scraped(port)["drsn_uptime_seconds"] > health["uptime_s"], 10, "a later record"
        )
        after = scraped(port)
    source = health["sources"]["bearing-de"]
    for field in ("samples", "windows", "flagged", "missed", "overrun", "gaps", "opened"):
        name = f"drsn_source_{field}_total bearing-de"
        assert before[name] <= source[field] <= after[name]
    assert after["drsn_mqtt_state connected"] == 1
    assert after["drsn_mqtt_state unreachable"] == 0
    assert after["drsn_mqtt_connects_total"] == health["mqtt"]["connects"] == 1
    (holds,) = (key for key, value in after.items() if "source_decision" in key and value)
    assert holds == " ".join(["drsn_source_decision", *sorted(["bearing-de", source["decision"]])])
    assert after[RMS] > 0
    assert after["drsn_source_velocity_meters_per_second 0 bearing-de"] > 0
    assert time.time() - 60 < after["drsn_source_measured_timestamp_seconds bearing-de"]
    code, text = get(port, "/healthz")
    told = {"ok": True, "mqtt": "connected", "sources": {"bearing-de": "ok"}}
    assert (code, json.loads(text)) == (200, told)
    assert get(port, "/")[0] == 404
    assert agent.stop() == 0


def test_it_is_served_on_loopback_alone(serving: tuple[int, Agent]) -> None:
    port, agent = serving
    listening = Path(f"/proc/{agent.process.pid}/net/tcp").read_text()
    at = [line.split()[1] for line in listening.splitlines()[1:] if line.split()[3] == "0A"]
    assert [each for each in at if each.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_prometheus_own_tool_has_nothing_to_complain_of(serving: tuple[int, Agent]) -> None:
    promtool = tool("promtool")
    text = get(serving[0], "/metrics")[1]
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_dashboard_asks_for_what_is_served_in_words_that_prometheus_knows(
    serving: tuple[int, Agent], tmp_path: Path
) -> None:
    text = get(serving[0], "/metrics")[1]
    served = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    queries = list(dashboards.queries("grafana-prometheus.json", "expr"))
    assert {name for _, query in queries for name in re.findall(r"drsn_\w+", query)} <= served
    rules = tmp_path / "rules.yml"
    panels = [query for title, query in queries if not title.startswith("variable")]
    recorded = [{"record": f"panel:{i}", "expr": query} for i, query in enumerate(panels)]
    rules.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    done = subprocess.run(
        [tool("promtool"), "check", "rules", rules], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_real_prometheus_scrapes_it(serving: tuple[int, Agent], tmp_path: Path) -> None:
    prometheus = tool("prometheus")
    targets = f"static_configs: [{{targets: ['127.0.0.1:{serving[0]}']}}]"
    job = f"{{job_name: agent, scrape_interval: 1s, {targets}}}"
    config = tmp_path / "prometheus.yml"
    config.write_text(f"scrape_configs: [{job}]\n")
    port = free_port()
    command = [prometheus, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)

    def up() -> bool:
        try:
            found = json.loads(get(port, "/api/v1/targets")[1])["data"]["activeTargets"]
        except (OSError, ValueError):
            return False
        assert all(not each["lastError"] for each in found)
        return [each["health"] for each in found] == ["up"]

    def decided(query: str = "drsn_source_decision==1") -> bool:
        query = f"/api/v1/query?query={query}"
        found = json.loads(get(port, query)[1])["data"]["result"]
        return [each["metric"]["source"] for each in found] == ["bearing-de"]

    try:
        eventually(up, 30, "the target is up")
        eventually(decided, 10, "a decision can be asked for")
        eventually(lambda: decided("drsn_source_rms"), 10, "and a level")
    finally:
        process.terminate()
        process.wait()


def test_a_client_that_says_nothing_keeps_nobody_waiting(serving: tuple[int, Agent]) -> None:
    with socket.create_connection(("127.0.0.1", serving[0])):
        assert get(serving[0], "/healthz")[0] == 200


def test_healthz_says_when_the_sender_has_stopped_turning(monkeypatch: pytest.MonkeyPatch) -> None:
    record = object()
    board: Snapshot = Snapshot(lambda: record)  # type: ignore[arg-type,return-value]
    assert board.shown() is None
    board.turn()
    assert board.shown() is record
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s + FRESH_S + 1)
    assert board.shown() is None


def test_others_may_scrape_it_with_a_token(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    """A central Prometheus, which sends the token as `authorization.credentials`."""
    token, port = "a-token-of-enough-letters", free_port()
    (tmp_path / "token").write_text(f"{token}\n")
    keys = {"port": port, "address": "0.0.0.0", "token_file": str(tmp_path / "token")}
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    agent = run_agent(tree | {"metrics": keys})
    eventually(lambda: "connected to" in agent.logged(), 20, "connected")
    for path in ("/metrics", "/healthz", "/"):
        assert get(port, path)[0] == 401, path
        assert get(port, path, "Bearer another")[0] == 401, path
    eventually(
        lambda: get(port, "/metrics", f"Bearer {token}")[0] == 200, 10, "with it, it answers"
    )
    assert "drsn_build_info" in get(port, "/metrics", f"Bearer {token}")[1]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"address": "0.0.0.0"}, "metrics.address: found 0.0.0.0 and no token_file beside it"),
        ({"token_file": "gone"}, "metrics.token_file: gone cannot be read: No such file"),
        ({"token_file": "/dev/null"}, "metrics.token_file: found 0 characters, expected a token"),
    ],
)
def test_an_address_without_a_good_token_is_refused(
    settings: Settings, keys: dict[str, str], expected: str
) -> None:
    with pytest.raises(UserError) as raised:
        load.parse(settings(1, kind="synth") | {"metrics": keys})
    assert expected in str(raised.value)


def returned(value: Any) -> Any:
    return value


def test_a_level_of_a_source_that_is_broken_is_not_shown() -> None:
    health = msgspec.convert(published.sample(Health, 0), Health)
    measured = {"key": msgspec.convert(published.sample(Measurement, 0), Measurement)}
    for state, shown in (("ok", measured), ("silent", {})):
        source = msgspec.structs.replace(health.sources["key"], state=state)
        now = msgspec.structs.replace(health, sources={"key": source})
        snapshot = Snapshot(partial(returned, now), partial(returned, measured))
        snapshot.turn()
        assert snapshot.measurements() == shown


def test_a_port_that_is_taken_is_one_line(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000) | {"metrics": {"port": broker.port}}
    agent = run_agent(tree)
    assert agent.wait(20) == 75
    port = broker.port
    assert f"drsn-agent: metrics.port: {port}: Address already in use" in agent.logged()


def test_more_connections_than_there_are_descriptors_neither_end_the_agent_nor_stay(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    port = free_port()
    endless = {"repeat": True, "scenario": [{"duration_s": 3600}]}
    tree = settings(broker.port, kind="synth", rate_hz=1000, **endless)
    agent = run_agent(tree | {"metrics": {"port": port}})
    eventually(lambda: "connected to" in agent.logged(), 20, "connected")
    clients = [socket.socket() for _ in range(1100)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
    fds = Path(f"/proc/{agent.process.pid}/fd")
    eventually(lambda: len(list(fds.iterdir())) < 64, 20, "only a few of them are open")
    began_s = time.monotonic()
    while time.monotonic() - began_s < 12:  # a byte now and then is no request
        for client in clients[:16]:
            with contextlib.suppress(OSError):
                client.send(b"G")
        time.sleep(0.5)
    eventually(lambda: get(port, "/healthz")[0] == 200, 20, "it answers again")
    for client in clients:
        client.close()
    assert agent.process.poll() is None
    assert "Traceback" not in agent.logged()
