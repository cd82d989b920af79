"""Messages set aside: bounded, in a gap marker, sent again under their numbers."""

import datetime
import json
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest

from agent.core.types import Gap, Message
from agent.delivery import parked
from agent.delivery.outbox import Limits, Outbox
from agent.delivery.parked import runs
from tests.conftest import Agent, Broker, Subscriber, eventually

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def marker(_epoch: str, gap: Gap) -> Message:
    return Message(gap.last if gap.seq is None else gap.seq, "gap", f"{gap}".encode())


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "o.sqlite", Limits(), marker)


def put(outbox: Outbox, count: int, payload: bytes = b"x") -> None:
    for _ in range(count):
        outbox.put(lambda _epoch, seq: Message(seq, "t", payload, retain=True))
    outbox.commit()


def test_consecutive_numbers_are_one_run() -> None:
    assert list(runs([3, 1, 2, 7, 9, 10])) == [(1, 3), (7, 7), (9, 10)]
    assert list(runs([])) == []


def test_each_run_of_parked_numbers_is_one_marker_with_a_number_of_its_own(outbox: Outbox) -> None:
    put(outbox, 6)
    for seq in (2, 3, 5):
        outbox.park(seq, "refused")
    outbox.commit()
    queued = outbox.after(0, 100)
    assert [message.seq for message in queued] == [1, 4, 6, 7, 8]
    gaps = [Gap(2, 3, 2, "parked", 7), Gap(5, 5, 1, "parked", 8)]
    assert [message.payload.decode() for message in queued[3:]] == [str(gap) for gap in gaps]
    assert (outbox.parked, outbox.dropped) == (3, 0)


def test_a_refused_marker_makes_no_other_marker(outbox: Outbox) -> None:
    put(outbox, 2)
    outbox.park(1, "refused")
    outbox.commit()
    outbox.park(3, "refused")
    outbox.commit()
    assert [message.seq for message in outbox.after(0, 100)] == [2]


def test_what_is_sent_again_has_its_number_and_is_not_retained(outbox: Outbox) -> None:
    put(outbox, 3)
    outbox.park(1, "refused")
    outbox.park(2, "refused")
    assert outbox.retry([2, 99]) == [2]
    assert outbox.after(1, 1) == [Message(2, "t", b"x", retain=False)]
    assert [item.seq for item in outbox.parked_messages()] == [1]
    assert outbox.drop_parked([1, 2]) == [1]
    assert outbox.parked_messages() == []
    outbox.close()


@pytest.mark.parametrize(("size", "kept"), [(1, parked.MOST_MESSAGES), (64 << 10, 64)])
def test_parked_messages_are_bounded_by_count_and_bytes_and_the_newest_stay(
    outbox: Outbox, size: int, kept: int
) -> None:
    count = kept + 50
    put(outbox, count, bytes(size))
    for seq in range(1, count + 1):
        outbox.park(seq, "refused")
    outbox.commit()
    assert [item.seq for item in outbox.parked_messages()] == list(range(51, count + 1))


def command(broker: Broker, subscriber: Subscriber, **arguments: Any) -> dict[str, Any]:
    """The result of the command `outbox`."""
    id = uuid.uuid4().hex
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)
    payload = {"id": id, "expires": expires.isoformat(), "arguments": arguments}
    publish.single("drsn/press-04/cmd/outbox", json.dumps(payload), 1, port=broker.port)

    def results() -> list[dict[str, Any]]:
        return [record for record in subscriber.records("result") if record["id"] == id]

    eventually(lambda: bool(results()), 10, "a result")
    return results()[0]


def test_a_denied_event_is_parked_marked_and_sent_again_on_command(
    stopped_broker: Broker, run_agent: Start, settings: Settings
) -> None:
    acl = stopped_broker.folder / "acl"
    state = "topic readwrite drsn/press-04/bearing-de/state\n"
    rest = "".join(f"topic readwrite drsn/press-04/{end}\n" for end in ("+", "cmd/#"))
    windows = "topic readwrite drsn/press-04/bearing-de/window\n"
    acl.write_text(state + rest + windows + "topic read drsn/#\n")
    acl.chmod(0o644)
    stopped_broker.extra += f"acl_file {acl}\n"
    broker = stopped_broker.start()
    subscriber = Subscriber(broker.port)
    tree = settings(broker.port, kind="synth", rate_hz=1000, publish_windows=True)
    tree["commands"] = {"allow": ["outbox"]}
    agent = run_agent(tree)
    eventually(lambda: len(subscriber.of("gap")) >= 1, 30, "the event is parked and marked")
    gap = subscriber.records("gap")[0]
    assert (gap["why"], gap["messages"]) == ("parked", 1)
    shown = command(broker, subscriber, action="show")
    assert gap["first_seq"] in [item["seq"] for item in shown["parked"]]
    refused = [item["why"] for item in shown["parked"]]
    assert set(refused) == {"refused by the broker: Not authorized"}
    acl.write_text("topic readwrite drsn/#\n")
    assert broker.process is not None
    broker.process.send_signal(signal.SIGHUP)
    assert not command(broker, subscriber, action="drop")["ok"]
    assert command(broker, subscriber, action="retry")["messages"] >= shown["messages"]

    def late() -> list[int]:
        return [record["seq"] for record in subscriber.records("event")]

    eventually(lambda: gap["first_seq"] in late(), 10, "the parked event arrives")
    assert command(broker, subscriber, action="show")["messages"] == 0
    assert agent.stop() == 0
    subscriber.close()


def test_the_verb_shows_sends_again_and_drops_what_a_stopped_agent_has_parked(
    stopped_broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path, wav: Path
) -> None:
    tree = settings(stopped_broker.port, kind="file", path=str(wav))
    agent = run_agent(tree)
    file = tmp_path / "state" / "outbox.sqlite"

    def verb(*words: str) -> tuple[int, str]:
        line = [
            sys.executable,
            "-m",
            "agent",
            "outbox",
            "--config",
            str(tmp_path / "config-0.yaml"),
        ]
        done = subprocess.run([*line, *words], capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    eventually(lambda: "running with" in agent.logged(), 20, "it runs")
    code, said = verb("show")
    assert code != 0
    assert "an agent runs there: publish the command `outbox`" in said
    agent.stop()
    outbox = Outbox(file, Limits(), marker)
    put(outbox, 3)
    numbers = [message.seq for message in outbox.after(0, 100)][-3:]
    for seq in numbers:
        outbox.park(seq, "too\nlarge")
    outbox.close()
    assert verb("show", str(numbers[0]))[1].startswith(f"{numbers[0]}  t  1 bytes  too\\nlarge")
    assert verb("retry", str(numbers[0])) == (0, "1 message(s) are sent again when the agent runs")
    assert verb("drop")[0] == 1
    assert verb("drop", str(numbers[1])) == (0, "1 message(s) dropped")
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT seq FROM parked").fetchall() == [(numbers[2],)]
        assert (numbers[0],) in db.execute("SELECT seq FROM message").fetchall()
