"""Broker to PostgreSQL: every (epoch, seq) once, whoever is killed; nothing bad stops the rest."""

import contextlib
import datetime
import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent.core.types import Gap
from agent.messages import payloads
from tests.conftest import Agent, Broker, eventually

psycopg = pytest.importorskip("psycopg")

from agent.jobs.ingest import rows as letters  # noqa: E402
from agent.jobs.ingest import tables  # noqa: E402
from tests.support.postgres import server  # noqa: E402 (psycopg may be missing)

KEEP_ALL = "allow_anonymous true\nmax_queued_messages 0\n"
WINDOWS = 1000
Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


@pytest.fixture
def keeping(stopped_broker: Broker) -> Broker:
    """A broker that keeps any number of messages for who is away."""
    stopped_broker.extra = KEEP_ALL
    return stopped_broker.start()


@pytest.fixture
def consume(tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """Starts `drsn-agent ingest`, and waits until the broker has its subscriptions."""
    started: list[Agent] = []

    def start(port: int, url: str, *more: str, ready: str = " takes ") -> Agent:
        log = tmp_path / f"ingest-{len(started)}.log"
        given = ("--to", url, "--port", str(port), "--name", "one", *more)
        with log.open("wb") as err:
            line = [sys.executable, "-m", "agent", "ingest", *given]
            consumer = Agent(subprocess.Popen(line, stderr=err), log)
        started.append(consumer)
        eventually(lambda: ready in consumer.logged(), 20, f"{ready}: {consumer.logged()}")
        return consumer

    yield start
    for consumer in started:
        consumer.process.kill()
        consumer.process.wait()


@pytest.fixture
def publish(tmp_path: Path, run_agent: Start, settings: Settings) -> Callable[[int], Agent]:
    """An agent that publishes so many windows as fast as it can, and its states and events."""

    def run(port: int, windows: int = WINDOWS) -> Agent:
        samples = np.random.default_rng(0).standard_normal(windows + 199).astype(np.float32) * 0.1
        path = tmp_path / "quiet.npy"
        np.save(path, samples)
        file = {"kind": "file", "path": str(path), "pace": "fast", "rate_hz": 1000}
        return run_agent(settings(port, **file, hop_s=0.001, publish_windows=True))

    return run


class Broadcast:
    """Publishes what it is given and waits for the broker's word."""

    def __init__(self, port: int) -> None:
        self.codes: list[str] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_publish = lambda _c, _d, _m, code, _p: self.codes.append(str(code))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, 1).wait_for_publish(10)


def event(seq: int, epoch: str, **changes: object) -> bytes:
    """As an agent publishes it, in short."""
    said = {"schema": "drsn-event/1", "epoch": epoch, "seq": seq, "agent": "a", "source": "s"}
    said |= {"t_end": "2026-01-02T03:04:05.678Z", "decision": "fault", "label": "inner"}
    said |= {"probability": 0.9, "model": {"name": "bearing", "version": "1"}, "new_field": [1]}
    return json.dumps(said | changes).encode()


def count(url: str, what: str = "count(*)", table: str = "observation") -> int:
    with psycopg.connect(url) as db:
        if db.execute(f"SELECT to_regclass('drsn.{table}')").fetchone() == (None,):
            return 0
        return int(db.execute(f"SELECT {what} FROM drsn.{table}").fetchone()[0] or 0)


def each_once(url: str) -> bool:
    """Whether every number from 1 on is there, and none twice."""
    rows, last = count(url), count(url, "max(seq)")
    return (
        rows == last == count(url, "count(DISTINCT (epoch, seq))") and count(url, "min(seq)") == 1
    )


@contextlib.contextmanager
def locked(url: str) -> Iterator[Callable[[], int]]:
    """Nobody can insert meanwhile; counts who tries to."""
    tries = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as observer:
        holder.execute("LOCK TABLE drsn.observation IN EXCLUSIVE MODE")

        def waiting() -> int:
            found = observer.execute(f"{tries} AND wait_event_type = 'Lock'").fetchone()
            return int(found[0]) if found else 0

        yield waiting


ALL = ("--topics", "event", "state", "window")


@pytest.mark.parametrize(
    ("group", "other"),
    [((), False), ((), True), (("--group", "fleet"), True)],
    ids=["alone", "beside a spare", "in a group"],
)
def test_killed_twice_in_the_middle_it_has_every_message_once(
    keeping: Broker,
    url: str,
    consume: Start,
    publish: Start,
    group: tuple[str, ...],
    other: bool,
) -> None:
    with psycopg.connect(url) as db:
        db.execute(tables.schema())
    how = (keeping.port, url, *ALL, *group)
    others = [consume(*how, "--name", "two")] if other else []
    consumer = consume(*how)
    for _ in range(2):
        with locked(url) as waiting:
            agent = publish(keeping.port, WINDOWS // 2)
            eventually(lambda: waiting() == 1 + len(others), 20, "all are about to commit")
            consumer.process.kill()
            consumer.process.wait()
        consumer = consume(*how)
        assert agent.wait() == 0
    eventually(lambda: count(url) >= WINDOWS + 4, 30, "everything is there")
    assert each_once(url)
    assert [each.stop() for each in (consumer, *others)] == [0] * (1 + len(others))
    assert " 0 of them rejected" in consumer.logged()
    if group:
        assert " 0 stored" not in others[0].logged().splitlines()[-1]


def test_a_database_that_goes_away_is_waited_for_and_the_broker_keeps_the_rest(
    keeping: Broker, consume: Start, publish: Start
) -> None:
    with server("fsync=off") as own:
        consumer = consume(keeping.port, own.url(), *ALL)
        half = WINDOWS // 2
        assert publish(keeping.port, half).wait() == 0
        eventually(lambda: count(own.url()) >= half + 2, 30, "a half is there")
        own.stop()
        assert publish(keeping.port, half).wait() == 0
        eventually(lambda: "the database is away" in consumer.logged(), 20, "it says so")
        own.start()
        eventually(lambda: count(own.url()) >= WINDOWS + 4, 60, "everything is there")
        assert each_once(own.url())
        assert consumer.stop() == 0
        assert consumer.logged().count("the database is back") == 1
        assert "Traceback" not in consumer.logged()


def test_what_is_published_while_no_consumer_runs_and_the_broker_restarts_is_kept(
    stopped_broker: Broker, url: str, consume: Start, publish: Start
) -> None:
    stopped_broker.extra = f"{KEEP_ALL}persistence_location {stopped_broker.folder}/\n"
    stopped_broker.persistence = True
    broker = stopped_broker.start()
    assert consume(broker.port, url, *ALL).stop() == 0
    assert publish(broker.port, 300).wait() == 0
    assert broker.process is not None
    broker.process.terminate()
    broker.process.wait()
    broker.start()
    assert count(url) == 0
    consume(broker.port, url, *ALL)
    eventually(lambda: count(url) >= 302, 30, "everything is there")
    assert each_once(url)


BAD: dict[str, tuple[str, bytes, str]] = {
    "no JSON": ("a/s/event", b"fault!", "JSON is malformed"),
    "no UTF-8": ("a/s/event", event(1, str(uuid.UUID(int=1))).replace(b"inner", b"\xff"), "UTF-8"),
    "nothing": ("a/s/event", b"", "Input data was truncated"),
    "no number": ("a/s/event", event(0, str(uuid.UUID(int=1))), "`int` >= 1 - at `$.seq`"),
    "no epoch": ("a/s/event", event(1, "me"), "Invalid UUID - at `$.epoch`"),
    "no zone": (
        "a/s/event",
        event(1, str(uuid.UUID(int=1)), t_end="2026-01-02T03:04:05"),
        "timezone component - at `$.t_end`",
    ),
    "another box's": (
        "b/s/event",
        event(1, str(uuid.UUID(int=1))),
        "found the names of a/s/event, expected those of the topic",
    ),
    "another kind": (
        "a/s/state",
        event(1, str(uuid.UUID(int=1))),
        "found 'drsn-event/1', expected drsn-state/1",
    ),
    "U+0000": ("a/s/event", event(1, str(uuid.UUID(int=1)), label="a\0b"), "0x00"),
    "U+0000 inside": ("a/s/event", event(1, str(uuid.UUID(int=1)), new_field="\0"), "\\u0000"),
    "half a character": (
        "a/s/event",
        event(1, str(uuid.UUID(int=1)), new_field="").replace(b'""', rb'"\ud800"'),
        "Input data was truncated",  # msgspec looks for the other half
    ),
    "deep": (
        "a/s/event",
        event(1, str(uuid.UUID(int=1)), new_field=0)[:-2] + b"[" * 9000 + b"]" * 9000 + b"}",
        "nested deeper than 16",
    ),
    "a gap's U+0000": (
        "a/gap",
        json.dumps(
            {"schema": "drsn-gap/1", "epoch": str(uuid.UUID(int=1)), "seq": 2, "agent": "a"}
            | {"t_published": "2026-01-02T03:04:05Z", "first_seq": 1, "last_seq": 2}
            | {"messages": 2, "why": "\0"}
        ).encode(),
        "0x00",
    ),
}


def test_bad_messages_are_set_aside_with_their_reason_and_the_others_stored(
    keeping: Broker, url: str, consume: Start
) -> None:
    consumer = consume(keeping.port, url)
    speaker, epoch = Broadcast(keeping.port), str(uuid.uuid4())
    for seq, (topic, payload, _) in enumerate([*BAD.values()] * 2, start=1):
        speaker.say(f"drsn/{topic}", payload)
        speaker.say("drsn/a/s/event", event(seq, epoch))
    eventually(lambda: count(url) == 2 * len(BAD), 20, f"all good ones: {consumer.logged()}")
    assert each_once(url)
    eventually(lambda: count(url, table="rejected") == len(BAD), 10, "each bad one, once")
    with psycopg.connect(url) as db:
        kept = db.execute("SELECT topic, payload, why FROM drsn.rejected").fetchall()
    for name, (topic, payload, why) in BAD.items():
        found = [row for row in kept if row[:2] == (f"drsn/{topic}", payload)]
        assert len(found) == 1, name
        assert why.lower() in found[0][2].lower(), (name, found[0][2])
    assert consumer.stop() == 0
    assert "Traceback" not in consumer.logged()


def test_tables_partitioned_by_time_serve_as_well(
    keeping: Broker, url: str, consume: Start
) -> None:
    """The rule for unique keys is that of hypertables: they hold the column of the partition."""
    made = tables.schema().replace(
        "PRIMARY KEY (t_end, epoch, seq)\n)",
        "PRIMARY KEY (t_end, epoch, seq)\n) PARTITION BY RANGE (t_end)",
    )
    with psycopg.connect(url) as db:
        db.execute(made)
        for year in (2025, 2026):
            bounds = f"FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
            db.execute(
                f"CREATE TABLE drsn.in_{year} PARTITION OF drsn.observation FOR VALUES {bounds}"
            )
    consume(keeping.port, url)
    speaker, epoch = Broadcast(keeping.port), str(uuid.uuid4())
    for seq, year in ((1, 2025), (2, 2026), (1, 2025)):
        speaker.say("drsn/a/s/event", event(seq, epoch, t_end=f"{year}-05-05T00:00:00Z"))
    eventually(lambda: count(url) == 2, 20, "both are there")
    assert (count(url, table="in_2025"), count(url, table="in_2026")) == (1, 1)


def test_a_consumer_that_leaves_takes_what_is_kept_for_it_and_ends_its_session(
    keeping: Broker, url: str, consume: Start
) -> None:
    group = ("--group", "fleet")
    consume(keeping.port, url, *group).process.kill()
    speaker, epoch = Broadcast(keeping.port), str(uuid.uuid4())
    for seq in range(1, 51):
        speaker.say("drsn/a/s/event", event(seq, epoch))
    leaver = consume(keeping.port, url, *group, "--leave", ready=" leaves")
    assert leaver.wait(30) == 0
    assert (count(url), each_once(url)) == (50, True)
    speaker.say("drsn/a/s/event", event(51, epoch))
    assert speaker.codes[-1] == "No matching subscribers"
    again = consume(keeping.port, url, *group, "--leave", ready="not subscribed")
    assert again.wait() == 1


def test_what_the_agent_publishes_is_read() -> None:
    """The gap marker, whose record no other test here makes."""
    topics, epoch = payloads.Topics("works/7", "press-04"), str(uuid.uuid4())
    message = payloads.gap(topics, epoch, Gap(3, 9, 7, "age"), 1e9)
    row = letters.read(message.topic, message.payload).rows[0]
    published = datetime.datetime.fromtimestamp(1e9, datetime.UTC)
    assert row == letters.GapRow(uuid.UUID(epoch), 9, "press-04", published, 3, 9, 7, "age")


MISTAKES = {
    "no database": ((), "--to: found none, expected postgresql://"),
    "no URL": (("--to", "mysql://x"), "--to: "),
    "port": (("--to", "dbname=x", "--port", "0"), "port: found 0, expected"),
    "name": (("--to", "dbname=x", "--name", "a/b"), "--name: found 'a/b', expected"),
    "no file": (("--to", "dbname=x", "--ca-file", "gone"), "ca_file: found no file gone"),
    "days": (("--to", "dbname=x", "--keep-days", "-1"), "--keep-days: found -1, expected"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line(case: str) -> None:
    given, expected = MISTAKES[case]
    line = [sys.executable, "-m", "agent", "ingest", *given]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 75, 78)
    assert done.stderr.count("\n") == 1, done.stderr
    assert expected in done.stderr


def test_the_daemon_does_not_load_it() -> None:
    names = "{'psycopg', 'agent.jobs.ingest'}"
    check = f"import sys, agent.service.daemon; print({names} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_signal_while_the_broker_is_away_ends_it(tmp_path: Path, consume: Start) -> None:
    consumer = consume(9, "dbname=x", ready="cannot connect")
    consumer.process.send_signal(signal.SIGTERM)
    assert consumer.wait(5) == 0
