"""What people ask for on the box is carried out once, by the agent, with a result for them."""

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.control import local_commands
from agent.control.alarm_requests import Acknowledge, Maintain
from agent.control.command_context import CommandContext
from agent.control.commissioning.requests import CommissioningRequests
from agent.control.local_commands import FOLDER, LOCAL, LocalCommands
from agent.control.operations import VERBS
from agent.delivery.journal import reading
from agent.delivery.journal.events import JournalEvent
from agent.delivery.journal.journal import Journal
from agent.delivery.journal.reading import Selection
from agent.delivery.sender import Sender

FAN: Any = SimpleNamespace(name="fan")


class Box:
    """A state directory with an agent whose source is `fan`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 0.0
        self.journal = Journal(folder / "events.sqlite", 64 << 20)
        self.context = CommandContext(
            pipelines=[FAN],
            clip_writer=None,
            reload=None,
            began_s=0.0,
            sender=cast(Sender, None),
            commissioning=CommissioningRequests(),
            journal=self.journal,
        )
        self.commands = LocalCommands(folder, self.context, clock_s=lambda: self.now_s)

    def turn(self) -> None:
        self.now_s += local_commands.EVERY_S
        self.commands.turn()
        self.journal.turn()

    def ask(self, verb: str, **arguments: Any) -> str | None:
        """Why it was refused; None: it was carried out."""
        file = local_commands.put(self.folder, verb, {"source": "fan"} | arguments)
        self.turn()
        result = local_commands.fetch(file, 0.2)
        assert result is not None
        return result.why


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path)
    fields: dict[str, Any] = {"id": 0, "t": "2026-01-02T03:04:05.678Z", "source": "fan"}
    box.journal.add(
        JournalEvent(**fields, kind="decision", decision="fault", sentence="Fault outer.")
    )
    box.journal.add(JournalEvent(**fields, kind="decision", decision="normal", sentence="Normal."))
    return box


def test_the_verbs_are_those_of_commands_over_mqtt() -> None:
    assert set(LOCAL) < set(VERBS)


def test_a_comment_and_a_label_are_kept_with_the_newest_fault_or_the_event_that_is_named(
    box: Box,
) -> None:
    assert box.ask("comment", text="greased") is None
    assert box.ask("label", label="false_alarm", event_id=2) is None
    box.turn()
    normal, fault = reading.read(box.journal.path, Selection())
    assert (fault.comment, fault.label) == ("greased", None)
    assert (normal.comment, normal.label) == (None, "false_alarm")


@pytest.mark.parametrize(
    ("verb", "arguments", "why"),
    [
        ("comment", {"text": "a\x1b[2J"}, "arguments: "),
        ("comment", {"text": "x\n"}, "arguments: "),
        ("comment", {"text": ""}, "arguments: "),
        ("label", {"label": "x" * 65}, "arguments: "),
        ("label", {"label": "x", "event_id": 99}, "event_id: found 99"),
        ("acknowledge", {"source": "pump"}, "source: found 'pump'"),
        ("maintenance", {"on": True, "until": "2020-01-01T00:00:00Z"}, "arguments: until: "),
        ("maintenance", {"on": False, "until": "2920-01-01T00:00:00Z"}, "arguments: until: found"),
        ("maintenance", {"on": True, "until": "9999-12-31T23:59:59.999999Z"}, "arguments: until: "),
        ("maintenance", {"on": True, "until": "0001-01-01T00:00:00+14:00"}, "arguments: until: "),
        ("maintenance", {"on": True, "until": "2920-01-01T00:00:00"}, "arguments: "),
        ("reload", {}, "Invalid enum value"),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(
    box: Box, verb: str, arguments: dict[str, Any], why: str
) -> None:
    refusal = box.ask(verb, **arguments)
    assert refusal is not None
    assert refusal.startswith(why)
    box.turn()
    assert {item.comment for item in reading.read(box.journal.path, Selection())} == {None}


def test_what_the_main_thread_must_do_is_answered_when_it_has_done_it(box: Box) -> None:
    files = [
        local_commands.put(box.folder, "acknowledge", {"source": "fan", "by": "anna"}),
        local_commands.put(box.folder, "maintenance", {"source": "fan", "on": True}),
    ]
    box.turn()
    assert not any(file.exists() for file in files)
    (first, answer), (second, refuse) = box.context.alarms.take()
    assert first == Acknowledge(source="fan", by="anna")
    assert second == Maintain(source="fan", on=True, until_s=None, by=None)
    answer(event_id=7)
    refuse("no")
    box.turn()
    results = [local_commands.fetch(file, 0.2) for file in files]
    assert [(item.why, item.event_id) for item in results if item] == [(None, 7), ("no", None)]


def test_hostile_files_are_removed_and_change_nothing(box: Box, tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_text('{"verb": "comment", "arguments": {"source": "fan", "text": "x"}}')
    (folder / "1.json").symlink_to(secret)
    (folder / "2.json").write_bytes(b"{" * 10_000)
    (folder / "3.json").write_bytes(b"[" * 5000)
    os.mkfifo(folder / "4.json")
    (folder / "5.json").write_bytes(b"\xff\x00")
    (folder / "0.json").mkdir()
    box.turn()
    box.turn()
    assert [file.name for file in folder.glob("*.json")] == ["0.json"]
    assert secret.exists()
    assert {item.comment for item in reading.read(box.journal.path, Selection())} == {None}


def test_folders_with_names_of_commands_keep_no_command_away(box: Box, tmp_path: Path) -> None:
    for number in range(local_commands.MOST + 1):
        (tmp_path / FOLDER / f"0{number}.json").mkdir(parents=True)
    assert box.ask("comment", text="bearing changed") is None


def test_a_result_that_nobody_fetches_is_removed(box: Box) -> None:
    file = local_commands.put(box.folder, "comment", {"source": "fan", "text": "x"})
    box.turn()
    assert file.exists()
    long_ago_s = time.time() - local_commands.KEPT_S - 1
    os.utime(file, (long_ago_s, long_ago_s))
    box.turn()
    assert not file.exists()
