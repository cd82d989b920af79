"""What version 0.1 left on a box is taken up: backlog, baseline, configuration, devices, tables."""

import contextlib
import json
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import yaml

from tests.conftest import Agent, Broker, quiet_then_loud
from tests.support.listening import Listening

LEFT = Path(__file__).parent / "v0_1"
EPOCH = "5a76578e-40e0-4e59-8191-db463e5e3e72"
BACKLOG = [11, *range(55, 76)]  # sequence numbers: two gap markers and the windows
Start = Callable[..., Agent]


@pytest.fixture
def box(tmp_path: Path, broker: Broker) -> Path:
    """A folder with the configuration, and the state directory, as 0.1 left them."""
    state = tmp_path / "state"
    state.mkdir()
    with contextlib.closing(sqlite3.connect(state / "outbox.sqlite")) as db:
        db.executescript((LEFT / "outbox.sql").read_text())
    for name in ("baseline-bearing-de.json", "home-assistant.json"):
        (state / name).write_bytes((LEFT / name).read_bytes())
    (tmp_path / "tiny.onnx").write_bytes((LEFT / "tiny.onnx").read_bytes())
    soundfile.write(tmp_path / "quiet_then_loud.wav", quiet_then_loud(7000), 1000)
    text = (LEFT / "config.yaml").read_text()
    text = text.replace("FOLDER", str(tmp_path)).replace("PORT", str(broker.port))
    (tmp_path / "left.yaml").write_text(text)
    return tmp_path


def test_the_backlog_the_baseline_and_the_devices_of_0_1_survive_the_upgrade(
    box: Path, broker: Broker, run_agent: Start
) -> None:
    before = json.loads((box / "state" / "home-assistant.json").read_text())
    with Listening(broker.port, "#") as listening:
        tree = yaml.safe_load((box / "left.yaml").read_text())
        tree["outbox"]["max_messages"] = 1000  # 20 would drop what this recording adds at once
        assert run_agent(tree).wait() == 0
        listening.until_offline()
    queued = [json.loads(packet["payload"]) for packet in listening.received if _queued(packet)]
    assert {record["epoch"] for record in queued} == {EPOCH}
    seqs = [record["seq"] for record in queued]
    assert seqs[: len(BACKLOG)] == BACKLOG, "the backlog comes first, in order"
    assert seqs[len(BACKLOG) :] == list(range(76, seqs[-1] + 1)), "and numbers go on"
    states = listening.of("state")
    assert any(record.get("anomaly") is not None for record in listening.of("window")), states
    after = json.loads((box / "state" / "home-assistant.json").read_text())
    assert after == before
    assert {p["topic"] for p in listening.received if p["topic"] in before} == set(before)
    assert not list((box / "state").glob("*unreadable*"))


def test_messages_that_0_1_set_aside_are_still_there(
    box: Path, broker: Broker, run_agent: Start
) -> None:
    assert run_agent(yaml.safe_load((box / "left.yaml").read_text())).wait() == 0
    with contextlib.closing(sqlite3.connect(box / "state" / "outbox.sqlite")) as db:
        assert [seq for (seq,) in db.execute("SELECT seq FROM parked ORDER BY seq")] == [2, 6]


def test_tables_that_0_1_made_take_the_rows_of_this_version() -> None:
    psycopg = pytest.importorskip("psycopg")
    from agent.jobs.ingest import rows, tables
    from tests.support.postgres import needed, server

    needed()
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.executescript((LEFT / "outbox.sql").read_text())
        messages = db.execute("SELECT topic, payload FROM message").fetchall()
    with server("fsync=off") as postgres:
        url = postgres.create(uuid.uuid4().hex)
        with psycopg.connect(url) as db:
            db.execute((LEFT / "ingest.sql").read_text())
        written = tables.Tables(url).write([rows.read(*message) for message in messages])
        with psycopg.connect(url) as db:
            db.execute(tables.schema())  # changes nothing that is there
            counted = db.execute("SELECT count(*) FROM drsn.observation").fetchone()
        assert (written.fresh, written.rejected) == (len(BACKLOG), ())
        assert counted == (20,)


def _queued(packet: dict[str, str]) -> bool:
    last = packet["topic"].rpartition("/")[2]
    return packet["topic"].startswith("drsn/") and last in ("gap", "state", "event", "window")
