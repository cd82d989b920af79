"""What people are told: each rise once, in order, not too often, and nothing is lost."""

import datetime

import pytest
from msgspec.structs import replace

from agent.config.notify import Notify, is_quiet, last_weekly
from agent.delivery.notify import pending, texts
from agent.delivery.notify.pending import MOST, Notice, Pending
from tests.delivery.journal.test_journal import event

KEYS = Notify(urls_file="urls")
NEW = Pending(last_id=0)


def taken(*alarms: str, keys: Notify = KEYS, state: Pending = NEW) -> Pending:
    """After the fan's alarm was each of those, in turn."""
    first = state.last_id + 1
    events = [event(a, id=first + at, kind="alarm", alarm=a) for at, a in enumerate(alarms)]
    return pending.take(state, events, keys)


def told(*alarms: str, keys: Notify = KEYS) -> list[str]:
    return [notice.alarm for notice in taken(*alarms, keys=keys).notices]


def test_each_rise_is_told_once_and_an_alarm_that_becomes_a_warning_is_not() -> None:
    assert told("warning", "alarm", "warning", "none") == ["warning", "alarm"]
    assert told("warning", "none", "warning") == ["warning", "warning"]
    assert told("alarm", "alarm") == ["alarm"]


def test_what_is_told_can_be_less_or_more() -> None:
    assert told("warning", "alarm", "none", keys=replace(KEYS, least="alarm")) == ["alarm"]
    assert told("warning", "none", keys=replace(KEYS, ended=True)) == ["warning", "none"]
    alarms_alone = replace(KEYS, ended=True, least="alarm")
    assert told("warning", "none", "alarm", "none", keys=alarms_alone) == ["alarm", "none"]


def test_sources_are_told_apart_and_decisions_are_not_told() -> None:
    events = [
        event(id=1, kind="alarm", alarm="alarm", source="fan"),
        event(id=2, kind="decision", alarm="alarm", source="fan"),
        event(id=3, kind="alarm", alarm="alarm", source="pump"),
    ]
    state = pending.take(NEW, events, KEYS)
    assert [notice.source for notice in state.notices] == ["fan", "pump"]
    assert state.last_id == 3


def test_in_quiet_hours_a_warning_waits_and_an_alarm_does_not() -> None:
    state = taken("warning", "alarm")
    assert [n.alarm for n in pending.due(state, KEYS, 0.0, quiet=True)] == ["alarm"]
    after = pending.sent(state, pending.due(state, KEYS, 0.0, quiet=True), 0.0)
    assert [n.alarm for n in pending.due(after, KEYS, 9.0, quiet=False)] == ["warning"]


def test_over_the_limit_of_an_hour_changes_wait_and_then_share_a_message() -> None:
    keys = replace(KEYS, per_hour=2)
    state = NEW
    for now_s in (0.0, 10.0):
        state = taken("none", "warning", keys=keys, state=state)
        state = pending.sent(state, pending.due(state, keys, now_s, quiet=False), now_s)
    state = taken("none", "warning", "none", "alarm", keys=keys, state=state)
    assert pending.due(state, keys, 3599.0, quiet=False) == ()
    assert len(pending.due(state, keys, 3601.0, quiet=False)) == 2


def test_a_failure_is_tried_again_later_and_later_and_a_clock_set_back_delays_nothing() -> None:
    state = taken("alarm")
    waits_s = []
    for _ in range(12):
        state = pending.failed(state, 1000.0)
        waits_s.append(next(s for s in range(0, 9999, 10) if pending.may_send(state, 1000.0 + s)))
    assert waits_s[:3] == [30, 60, 120]
    assert waits_s[-1] == 3600
    assert pending.may_send(state, 0.0)
    assert len(state.notices) == 1


def test_what_waits_is_bounded_and_what_is_left_out_is_counted() -> None:
    state = taken(*["warning", "none"] * (MOST + 5))
    assert (len(state.notices), state.left_out) == (MOST, 5)
    message = texts.of_notices("box", state.notices, state.left_out)
    assert message.body.startswith(f"{MOST + 5 - texts.LINES} earlier\n")
    assert message.title == f"box: {MOST} x warning"


def test_one_message_names_agent_source_cause_and_time() -> None:
    notice = Notice("2026-01-02T03:04:05.678Z", "fan", "alarm", "Alarm: velocity 5.1 mm/s.")
    message = texts.of_notices("press-04", [notice], 0)
    assert (message.title, message.kind) == ("Alarm: press-04 fan", "failure")
    assert message.body.startswith("Alarm: velocity 5.1 mm/s.\n2026-01-0")


def test_the_summary_counts_alarms_false_ones_and_those_that_nobody_has_acknowledged() -> None:
    rows = [
        event(kind="alarm", alarm="warning", label="false_alarm"),
        event(kind="alarm", alarm="alarm", acknowledged_at="2026-01-02T04:00:00.000Z"),
        event(kind="alarm", alarm="warning"),
        event(kind="alarm", alarm="none"),
        event(kind="alarm", alarm="warning", source="pump"),
    ]
    body = texts.of_week("box", rows, datetime.datetime(2026, 1, 5, 7)).body
    assert body.splitlines() == [
        "The week until 2026-01-05 07:00.",
        "fan: 1 alarm(s), 1 warning(s), 1 labelled false alarm, 1 not acknowledged.",
        "pump: 0 alarm(s), 1 warning(s), 0 labelled false alarm, 1 not acknowledged.",
    ]
    assert "No warning" in texts.of_week("box", [], datetime.datetime(2026, 1, 5, 7)).body


@pytest.mark.parametrize(
    ("quiet", "clock", "is_within"),
    [
        ("22:00-06:00", "23:59", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("08:00-17:00", "08:00", True),
        ("08:00-17:00", "17:00", False),
        (None, "00:00", False),
    ],
)
def test_quiet_hours_may_go_over_midnight(quiet: str | None, clock: str, is_within: bool) -> None:
    now = datetime.datetime.fromisoformat(f"2026-01-05T{clock}")
    assert is_quiet(quiet, now) == is_within


def test_a_summary_is_due_at_its_hour_and_after_it_and_not_before() -> None:
    monday = datetime.datetime(2026, 1, 5, 7)
    for hours, expected in ((0, monday), (100, monday), (-1, monday - datetime.timedelta(days=7))):
        assert last_weekly("mon 07:00", monday + datetime.timedelta(hours=hours)) == expected
