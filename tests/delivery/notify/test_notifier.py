"""Notifications arrive at a real mail server and a web hook, once, whatever happens meanwhile."""

import datetime
import json
import logging
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.config.notify import Notify
from agent.delivery.journal.journal import Journal
from agent.delivery.notify import address, notifier
from agent.delivery.notify.address import Address
from agent.delivery.notify.notifier import FILE, Notifier
from agent.delivery.notify.texts import Message
from tests.delivery.journal.test_journal import event

pytest.importorskip("apprise")
pytest.importorskip("aiosmtpd")

from agent.delivery.notify import send
from tests.support.told import Mailbox, mail_server, web_hook

KEYS = Notify(urls_file="urls")
MONDAY_S = datetime.datetime(2026, 1, 5, 6, 59).astimezone().timestamp()  # before the summary


class Box:
    """A journal and its notifier on a clock of their own."""

    def __init__(self, folder: Path, keys: Notify, *addressees: Any) -> None:
        self.folder, self.keys, self.addressees = folder, keys, addressees
        self.now_s = MONDAY_S
        self.journal = Journal(folder / "events.sqlite", 32 << 20)
        self.start()

    def start(self) -> None:
        """As a new process does."""
        self.notifier = Notifier(
            *(self.keys, "press-04", self.folder, self.journal.path, self.addressees),
            clock_s=lambda: self.now_s,
        )

    def raised(self, *alarms: str, source: str = "fan") -> None:
        for alarm in alarms:
            sentence = f"{alarm} of the {source}"
            self.journal.add(event(sentence, kind="alarm", alarm=alarm, source=source))
        self.journal.turn()

    def turn(self, after_s: float = 2.0) -> None:
        self.now_s += after_s
        self.notifier.turn()


class Recorded:
    """An addressee of this test's own; `why` is its answer."""

    def __init__(self, key: str = "k") -> None:
        self.key = self.name = key
        self.why: str | None = None
        self.messages: list[Message] = []
        self.tries = 0

    def send(self, message: Message) -> str | None:
        self.tries += 1
        if self.why is None:
            self.messages.append(message)
        return self.why


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def mail_url(mailbox: Mailbox) -> Iterator[str]:
    with mail_server(mailbox) as url:
        yield url


def test_mail_and_web_hook_get_each_rise_once(
    tmp_path: Path, mailbox: Mailbox, mail_url: str
) -> None:
    received: list[dict[str, Any]] = []
    with web_hook(received) as hook:
        box = Box(tmp_path, KEYS, Address(mail_url), Address(hook))
        box.turn()
        for alarm in ("warning", "alarm", "warning", "none"):
            box.raised(alarm)
            box.turn()
    subjects = ["Warning: press-04 fan", "Alarm: press-04 fan"]
    assert mailbox.subjects() == subjects
    assert [(hooked["title"], hooked["type"]) for hooked in received] == [
        (subjects[0], "warning"),
        (subjects[1], "failure"),
    ]
    assert mailbox.mails[1][1].startswith("alarm of the fan")
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert mail_url not in (tmp_path / FILE).read_text()


def test_a_mail_server_that_refuses_for_a_while_gets_it_later_and_the_other_address_at_once(
    tmp_path: Path, mailbox: Mailbox, mail_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = Recorded()
    box = Box(tmp_path, KEYS, Address(mail_url), other)
    box.turn()
    mailbox.refuses = True
    box.raised("alarm")
    with caplog.at_level(logging.INFO, "drsn.notify"):
        box.turn()
        assert len(other.messages) == 1
        box.start()  # a restart forgets nothing
        mailbox.refuses = False
        box.turn(10.0)  # too early to try again
        assert mailbox.mails == []
        box.turn(31.0)
    assert mailbox.subjects() == ["Alarm: press-04 fan"]
    assert len(other.messages) == 1
    (warning,) = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert "not delivered: " in warning
    assert "anna" not in warning


def test_a_new_address_is_not_told_what_was_before_it_and_a_restart_tells_nothing_twice(
    tmp_path: Path,
) -> None:
    box = Box(tmp_path, KEYS, Recorded("one"))
    box.turn()
    box.raised("warning")
    box.turn()
    box.addressees = (*box.addressees, Recorded("two"))
    box.start()
    box.turn()
    box.raised("alarm")
    box.turn()
    one, two = box.addressees
    assert [m.title for m in one.messages] == ["Warning: press-04 fan", "Alarm: press-04 fan"]
    assert [m.title for m in two.messages] == ["Alarm: press-04 fan"]


def test_a_journal_that_begins_anew_is_followed_from_its_begin(tmp_path: Path) -> None:
    person = Recorded()
    box = Box(tmp_path, KEYS, person)
    box.turn()
    box.raised("warning", "alarm")
    box.turn()
    box.journal.close()
    for file in tmp_path.glob("events.sqlite*"):
        file.unlink()
    box.journal = Journal(tmp_path / "events.sqlite", 32 << 20)
    box.turn()
    box.raised("alarm", source="pump")
    box.turn()
    assert person.messages[-1].title == "Alarm: press-04 pump"


def test_damaged_state_is_set_aside_and_the_next_alarm_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'{"k": {"last_id": "\xff"')
    person = Recorded()
    box = Box(tmp_path, KEYS, person)
    assert (tmp_path / f"{FILE}.broken").exists()
    box.turn()
    box.raised("alarm")
    box.turn()
    assert len(person.messages) == 1


@pytest.mark.parametrize(
    "notice",
    [
        {"t": "2026-01-05T06:00:00.000Z", "source": "fan", "alarm": "red", "sentence": "x"},
        {"t": "yesterday", "source": "fan", "alarm": "alarm", "sentence": "x"},
        {"t": "2026-13-41T06:00:00.000Z", "source": "fan", "alarm": "alarm", "sentence": "x"},
    ],
)
def test_a_notice_that_no_message_could_be_made_of_is_set_aside(
    tmp_path: Path, notice: dict[str, str]
) -> None:
    (tmp_path / FILE).write_text(json.dumps({"k": {"last_id": 0, "notices": [notice]}}))
    box = Box(tmp_path, KEYS, Recorded())
    assert (tmp_path / f"{FILE}.broken").exists()
    box.turn()


def test_a_journal_that_cannot_be_read_for_a_while_is_not_told_again(tmp_path: Path) -> None:
    person = Recorded()
    box = Box(tmp_path, KEYS, person)
    box.turn()
    box.raised("warning", "alarm")
    box.turn()
    journal, away = box.journal.path, tmp_path / "away"
    box.journal.close()
    journal.rename(away)
    journal.write_bytes(b"no database" * 100)
    box.turn()
    away.replace(journal)
    box.journal = Journal(journal, 32 << 20)
    box.raised("none", "alarm")
    box.turn()
    titles = [message.title for message in person.messages]
    assert titles == ["press-04: 1 x warning, 1 x alarm", "Alarm: press-04 fan"]


def test_an_alarm_before_more_events_than_are_read_at_once_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "MOST_EVENTS", 3)
    person = Recorded()
    box = Box(tmp_path, KEYS, person)
    box.turn()
    box.raised("alarm", source="pump")
    box.raised(*("warning", "none") * 3)
    for _ in range(4):
        box.turn()
    sentences = "".join(message.body for message in person.messages)
    assert sentences.count("alarm of the pump") == 1
    assert sentences.count("warning of the fan") == 3


def test_an_address_that_was_away_from_the_file_is_a_new_one(tmp_path: Path) -> None:
    person, other = Recorded("one"), Recorded("two")
    box = Box(tmp_path, KEYS, person, other)
    box.turn()
    for addressees in ((other,), (other, person)):
        box.addressees = addressees
        box.start()
        box.turn()
        box.raised("alarm", source=f"fan-{len(addressees)}")
        box.turn()
    assert [message.title for message in person.messages] == ["Alarm: press-04 fan-2"]


@pytest.mark.parametrize("now", ["2026-03-29T12:00", "2026-03-23T06:50", "2026-10-25T12:00"])
def test_neither_summer_time_nor_a_clock_set_back_sends_a_summary_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        person = Recorded()
        box = Box(tmp_path, replace(KEYS, weekly="mon 07:00"), person)
        begin = "2026-03-23T06:59" if now.startswith("2026-03") else "2026-10-19T06:59"
        box.now_s = datetime.datetime.fromisoformat(begin).timestamp()
        box.turn()
        box.turn(120.0)
        box.now_s = datetime.datetime.fromisoformat(now).timestamp()
        box.turn()
        box.turn(1200.0)
    time.tzset()
    assert len(person.messages) == 1


def test_summaries_come_again_after_a_clock_that_was_years_ahead(tmp_path: Path) -> None:
    person = Recorded()
    box = Box(tmp_path, replace(KEYS, weekly="mon 07:00"), person)
    box.now_s += 3650 * 86400.0
    box.turn()
    box.now_s = MONDAY_S
    box.turn()
    box.turn(120.0)
    assert [m.title for m in person.messages] == ["press-04: summary of the week"]


def test_the_summary_comes_once_a_week_and_is_tried_again_until_it_is_delivered(
    tmp_path: Path,
) -> None:
    person = Recorded()
    box = Box(tmp_path, replace(KEYS, weekly="mon 07:00"), person)
    box.turn()
    assert person.messages == []
    person.why = "away"
    box.turn(120.0)
    person.why = None
    box.turn(31.0)
    box.turn(31.0)
    assert [m.title for m in person.messages] == ["press-04: summary of the week"]
    box.turn(7 * 86400.0)
    assert len(person.messages) == 2


def test_a_process_that_hangs_is_ended_and_one_that_dies_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(address, "TIMEOUT_S", 0.2)
    for module, why in (("tests.support.hanging", "it took longer than 0.2 s"), ("this", "ended")):
        monkeypatch.setattr(address, "SEND", module)
        assert why in (Address("json://127.0.0.1/").send(Message("t", "b", "info")) or "")


def test_no_word_of_the_address_is_in_what_is_told_of_a_failure() -> None:
    url = "json://anna:s3cret-word@127.0.0.1:9/token-of-a-room"
    why = Address(url).send(Message("t", "b", "info"))
    assert why
    assert not {"anna", "s3cret-word", "token-of-a-room"} & set(why.replace("/", " ").split())
    for reason in ("no a+b c's", "no a+b%20c's", "q" * 190 + "s3cret-word"):
        hidden = send._without_secrets(reason, "json://h/?key=a%2Bb%20c&pass=s3cret-word&x=a+b%20c")
        assert not re.search(r"a\+b|s3cret|key-word", hidden)
    assert Address("nonsense://x").send(Message("t", "b", "info")) is not None


def test_the_verb_sends_a_test_message_and_says_what_became_of_it(
    tmp_path: Path, mailbox: Mailbox, mail_url: str
) -> None:
    urls, config = tmp_path / "urls", tmp_path / "config.yaml"
    urls.write_text(f"# people\n\n{mail_url}\njson://127.0.0.1:9/nobody\n")
    tree = {"agent": {"id": "press-04", "state_dir": str(tmp_path)}}
    tree |= {"notify": {"urls_file": str(urls)}, "sources": [{"name": "fan", "kind": "synth"}]}  # type: ignore[dict-item]
    config.write_text(json.dumps(tree))
    command = [sys.executable, "-m", "agent", "notify", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    first, second = done.stdout.splitlines()
    assert first.startswith("mailto ")
    assert first.endswith(": delivered")
    assert ": not delivered: " in second
    assert (done.returncode, done.stderr) == (75, "drsn-agent: notify: 1 of 2 not delivered\n")
    assert mailbox.subjects() == ["press-04: a test"]
