"""Nothing is carried out that is not allowed, fresh, well formed and asked for the first time."""

import datetime
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
import soundfile
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.config import commands, load
from agent.config.commands import Commands
from agent.control import operations
from agent.control.command_context import CommandContext
from agent.control.command_handler import MAX_IDS, CommandHandler
from agent.control.commissioning.requests import CommissioningRequests
from agent.core.errors import ConfigError
from agent.delivery.sender import Sender
from agent.messages import json_schema
from agent.messages.command import Refused, read
from agent.messages.topics import PUBLISHED
from tests.conftest import Agent, Broker
from tests.control import fuzz_commands
from tests.support.listening import Listening

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def in_s(seconds: float) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.isoformat()


def command(id: str = "a", expires_s: float = 30, **arguments: Any) -> bytes:
    return json.dumps({"id": id, "expires": in_s(expires_s), "arguments": arguments}).encode()


class Replies(list[tuple[str, str, str | None]]):
    """Results: verb, id, why not."""

    def reply(self, verb: str, id: str, why: str | None, **_: Any) -> None:
        self.append((verb, id, why))


def handler(replies: Replies, *allow: str) -> CommandHandler:
    context = CommandContext(
        [], None, None, time.monotonic(), cast(Sender, None), CommissioningRequests()
    )
    return CommandHandler(Commands(allow=allow), context, replies.reply)


def hear(*payloads: bytes, verb: str = "ping", retained: bool = False) -> list[str | None]:
    """The reason of each reply (None: it ran) of a handler that allows `ping`."""
    replies = Replies()
    pings = handler(replies, "ping")
    for payload in payloads:
        pings.on_command(f"drsn/press-04/cmd/{verb}", payload, retained)
    return [why for _, _, why in replies]


def test_a_command_is_carried_out_once() -> None:
    again = command()
    assert hear(again, again, command("b")) == [None, "this id has been used before", None]


def test_ids_are_remembered_until_they_expire_and_no_more_than_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replies = Replies()
    pings = handler(replies, "ping")
    topic = "drsn/press-04/cmd/ping"
    for number in range(MAX_IDS):
        pings.on_command(topic, command(str(number), expires_s=600), False)
    assert [why for _, _, why in replies] == [None] * MAX_IDS
    pings.on_command(topic, command("0", expires_s=600), False)
    pings.on_command(topic, command("more", expires_s=600), False)
    assert [why for _, _, why in replies[-2:]] == [
        "this id has been used before",
        "too many commands",
    ]
    later_s = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later_s)
    pings.on_command(topic, command("more", expires_s=1200), False)
    assert replies[-1] == ("ping", "more", None)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"expires": -1.0}, "expired"),
        ({"expires": 7200.0}, "expires: expected at most 3600 s ahead"),
        ({"expires": "soon"}, "Invalid RFC3339 encoded datetime"),
        ({"expires": "2026-01-01T00:00:00"}, "Expected `datetime`"),
        ({"arguments": {"n": 1}}, "arguments: Object contains unknown field `n`"),
        ({"arguments": 1}, "Expected `object`"),
        ({"more": 1}, "Object contains unknown field `more`"),
    ],
    ids=str,
)
def test_a_refusal_says_why_to_whom_asked(change: dict[str, Any], why: str) -> None:
    if isinstance(change.get("expires"), float):
        change = {"expires": in_s(change["expires"])}
    (told,) = hear(json.dumps(json.loads(command()) | change).encode())
    assert told is not None
    assert told.startswith(why)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b"\xff", "no JSON"),
        (b'{"id": "a", "id": "b"}', "a key twice"),
        (b'{"id": "a", "arguments": {"x": 1, "x": 2}}', "a key twice"),
        (b'{"id": NaN}', "found NaN"),
        (b'{"id": -Infinity}', "found -Infinity"),
        (b'{"id": 1e999}', "out of range"),
        (b'{"id": 1' + b"0" * 500 + b"}", "too many digits"),
        (b'{"id": "\\ud800"}', "no JSON"),
        (b'{"id":' * 50 + b"1" + b"}" * 50, "nested deeper"),
        (b"[" * 1000, "nested deeper"),
        (b" " * 5000, "found 5000 bytes, expected at most 2048"),
        (b'{"id": "a\\u0000"}', "missing required|matching regex"),
    ],
)
def test_hostile_json_is_refused_and_has_no_answer(payload: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read(payload, 2048)
    assert hear(payload) == []


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_command_or_refused(payload: bytes) -> None:
    with pytest.raises(Refused):
        read(payload, 2048)


def test_a_retained_command_is_never_carried_out() -> None:
    assert hear(command(), retained=True) == []


def test_what_is_not_allowed_is_refused_and_what_there_is_not_has_no_answer() -> None:
    assert hear(command(), verb="capture") == ["not in commands.allow"]
    assert hear(command(), verb="reboot") == []
    assert hear(command(), verb="ping/result") == []


def test_refusals_are_not_answered_without_end() -> None:
    assert len(hear(*(command(expires_s=-1) for _ in range(1000)))) < 100


def test_every_verb_that_may_be_named_is_there() -> None:
    assert tuple(operations.VERBS) == commands.VERBS


def test_a_verb_that_there_is_not_and_a_source_called_cmd_are_mistakes() -> None:
    source = {"name": "cmd", "kind": "synth", "model": "bearing"}
    with pytest.raises(ConfigError, match=r"commands.allow\[0\]: found 'reboot', expected one of"):
        load.parse({"commands": {"allow": ["reboot"]}, "sources": [source | {"name": "a"}]})
    with pytest.raises(ConfigError, match="found the name cmd"):
        load.parse({"commands": {"allow": ["ping"]}, "sources": [source]})
    assert load.parse({"sources": [source]}).commands.allow == ()


def ask(port: int, verb: str, payload: bytes, *options: str) -> None:
    topic = f"drsn/press-04/cmd/{verb}"
    line = ["mosquitto_pub", "-p", str(port), "-q", "1", "-t", topic, "-s", *options]
    subprocess.run(line, input=payload, check=True)


@pytest.fixture
def asked(
    broker: Broker, run_agent: Start, settings: Settings
) -> Iterator[tuple[Broker, Listening, Agent]]:
    """An agent that may be asked for everything."""
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["commands"] = {"allow": list(commands.VERBS)}
    ask(broker.port, "ping", command("stale"), "-r")
    with Listening(broker.port) as listening:
        agent = run_agent(tree)
        listening.until("state")
        yield broker, listening, agent


def test_ping_windows_and_capture_over_a_real_broker(
    asked: tuple[Broker, Listening, Agent], tmp_path: Path
) -> None:
    broker, listening, agent = asked
    ask(broker.port, "ping", command("p"))
    listening.until("result")
    assert not listening.of("window")
    ask(broker.port, "publish_windows", command("w", seconds=60))
    listening.until("window", 5)
    ask(broker.port, "publish_windows", command("off", seconds=0))
    ask(broker.port, "capture", command("c", source="bearing-de", seconds=1))
    ask(broker.port, "capture", command("d", source="../x", seconds=1))
    listening.until("result", 5)
    results = {each["id"]: each for each in listening.of("result")}
    assert {id: each["ok"] for id, each in results.items()} == {
        "p": True,
        "w": True,
        "off": True,
        "c": True,
        "d": False,
    }
    for each in results.values():
        jsonschema.Draft202012Validator(json_schema.of(PUBLISHED["result"])).validate(each)
    assert results["p"]["uptime_s"] > 0
    file = tmp_path / "state" / results["c"]["file"]
    told = json.loads(soundfile.SoundFile(file).comment)
    samples, rate_hz = soundfile.read(file)
    assert (len(samples), rate_hz) == (round(1000 * results["c"]["seconds"]), 1000)
    assert (told["source"], told["missing"]) == ("bearing-de", 0)
    assert agent.stop() == 0
    heard = len(listening.of("window"))
    last = listening.of("window")[-1]
    assert heard < last["first_sample"] / 100 + 1  # not from the start


def test_a_reload_that_was_asked_for_is_told_with_what_it_changes_or_why_not(
    asked: tuple[Broker, Listening, Agent],
) -> None:
    broker, listening, agent = asked
    file = Path(agent.process.args[-1])  # type: ignore[index, arg-type]
    tree = yaml.safe_load(file.read_text())
    tree["sources"].append(tree["sources"][0] | {"name": "second"})
    file.write_text(yaml.safe_dump(tree))
    ask(broker.port, "reload", command("more"))
    listening.until("result")
    file.write_text(yaml.safe_dump(tree | {"sauces": []}))
    ask(broker.port, "reload", command("wrong"))
    listening.until("result", 2)
    more, wrong = listening.of("result")
    assert (more["ok"], more["changes"]) == (True, "kept bearing-de; removed none; added second")
    assert (wrong["ok"], wrong["changes"]) == (False, None)
    assert "sauces" in wrong["why"]
    assert agent.stop() == 0


def test_no_command_is_even_listened_to_by_default(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    with Listening(broker.port) as listening:
        agent = run_agent(settings(broker.port, kind="synth", rate_hz=1000))
        listening.until("state")
        ask(broker.port, "ping", command())
        listening.until("ping")
        assert agent.stop() == 0
        listening.until_offline()
        assert not listening.of("result")
    assert "drsn.commands" not in agent.logged()


def test_fuzzed_commands_crash_nothing_and_carry_nothing_out() -> None:
    found = fuzz_commands.trial(400)
    assert found.crashes == 0
    assert found.wrongly_done == 0
    assert found.not_done == 0
    assert found.answered == found.allowed > 10
