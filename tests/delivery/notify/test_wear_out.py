"""A machine that wears out over 30 simulated days: what people are told, and when.

Alarms, journal, trends, notifications and forecast are the agent's own; the clock and the machine
are simulated. Each window stands for an hour of signal.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from msgspec.structs import replace

from agent.cli import history_forecast
from agent.config.alarms import AlarmOverrides, Alarms
from agent.config.notify import Notify
from agent.control.alarm_requests import Acknowledge, AlarmRequests, Maintain
from agent.core.alarms import Standing
from agent.core.bearing import MachineClass
from agent.core.time import unix_s
from agent.core.types import Mark, Scored, Verdict
from agent.delivery.journal import reading as journal_reading
from agent.delivery.journal.journal import Journal
from agent.delivery.journal.reading import Selection
from agent.delivery.notify.address import Address
from agent.delivery.notify.notifier import Notifier
from agent.delivery.trends import reading
from agent.delivery.trends.recorder import TrendRecorder
from agent.diagnosis import trend_forecast
from agent.diagnosis.levels import LIMITS_MM_S
from agent.service.alarm_keeper import AlarmKeeper
from tests.support.measured import measurement

pytest.importorskip("apprise")
pytest.importorskip("aiosmtpd")

from tests.support.told import Mailbox, mail_server, web_hook

HOUR_S, DAY_S = 3600.0, 86400.0
BEGIN_S = 1_767_225_600.0  # 2026-01-01
FIRST_MM_S, LAST_MM_S, LIFE_DAYS = 1.2, 6.0, 30.0
CLASS: MachineClass = "group2-rigid"
ZONE_C, ZONE_D = LIMITS_MM_S[CLASS][1:]


def velocity_mm_s(day: float, rng: np.random.Generator) -> float:
    """It grows by the same share each day, and scatters by 5 %."""
    growth = (LAST_MM_S / FIRST_MM_S) ** (day / LIFE_DAYS)
    return float(FIRST_MM_S * growth * (1 + 0.05 * rng.normal()))


def reached(limit_mm_s: float) -> float:
    """The day on which the mean level is there."""
    return float(LIFE_DAYS * np.log(limit_mm_s / FIRST_MM_S) / np.log(LAST_MM_S / FIRST_MM_S))


class Plant:
    """One machine and all that looks after it."""

    def __init__(self, folder: Path, *addresses: Address) -> None:
        self.hour = 0
        self.journal = Journal(folder / "events.sqlite", 32 << 20)
        self.trends = TrendRecorder(folder / "trends.sqlite", 64 << 20)
        self.requests = AlarmRequests()
        publisher = SimpleNamespace(
            journal=self.journal, announce=lambda: None, restate=lambda _pipeline: None
        )
        common = SimpleNamespace(
            alarms=AlarmOverrides(), machine_class=CLASS, maintenance=False, hop_s=HOUR_S
        )
        self.pipeline: Any = SimpleNamespace(
            name="pump",
            settings=SimpleNamespace(common=common),
            standing=Standing(),
            measurement=None,
            stated=None,
            timeline=SimpleNamespace(unix_s=lambda _index: self.now_s),
            scorer=SimpleNamespace(
                rpm_of=lambda _window: 1500.0,
                decider=SimpleNamespace(state=Verdict("normal", "normal")),
            ),
        )
        self.keeper = AlarmKeeper(Alarms(), self.requests, cast(Any, publisher))
        self.notifier = Notifier(
            *(Notify(urls_file="urls"), "press-04", folder, self.journal.path, addresses),
            clock_s=lambda: self.now_s,
        )
        self.notifier.turn()

    @property
    def now_s(self) -> float:
        return BEGIN_S + self.hour * HOUR_S

    def run(self, until_day: float, rng: np.random.Generator) -> None:
        while self.hour < until_day * 24:
            self.hour += 1
            level = velocity_mm_s(self.hour / 24, rng)
            record = measurement(self.now_s, level, source="pump")
            zone = "ABCD"[sum(level > limit for limit in LIMITS_MM_S[CLASS])]
            part = replace(record.physics[0], zone=zone)
            self.pipeline.measurement = replace(record, physics=(part,))
            self.trends.add(self.pipeline.measurement)
            self.see_window()

    def see_window(self) -> None:
        window = SimpleNamespace(first=0, samples=np.zeros((1, 1)), marks=Mark(0), stopped=False)
        normal = Verdict("normal", "normal")
        scored = SimpleNamespace(event=None, previous=normal, window=window, anomaly=None)
        self.keeper.see(cast(Scored, scored), self.pipeline)
        self.keeper.turn([self.pipeline])
        self.journal.turn()
        self.notifier.turn()

    def ask(self, request: Acknowledge | Maintain) -> None:
        self.requests.add(request, lambda *_args, **_fields: None)
        self.keeper.turn([self.pipeline])
        self.journal.turn()

    def raised(self) -> list[tuple[str, float]]:
        """(alarm, day) of each rise of the alarm, the oldest first."""
        events = journal_reading.read(self.journal.path, Selection(kinds=("alarm",)))[::-1]
        rises = [event for event in events if event.alarm != "none"]
        return [(event.alarm, (unix_s(event.t) - BEGIN_S) / DAY_S) for event in rises]


def test_a_warning_then_an_alarm_each_told_once_and_none_in_maintenance(tmp_path: Path) -> None:
    mailbox, hooked = Mailbox(), []  # type: ignore[var-annotated]
    rng = np.random.default_rng(1)
    with mail_server(mailbox) as mail, web_hook(hooked) as hook:
        plant = Plant(tmp_path, Address(mail), Address(hook))
        plant.run(reached(ZONE_C) + 3, rng)
        assert mailbox.subjects() == ["Warning: press-04 pump"]
        plant.ask(Acknowledge(source="pump", by="anna"))
        plant.ask(Maintain(source="pump", on=True, until_s=None, by="ben"))
        plant.run(LIFE_DAYS - 1, rng)
        assert mailbox.subjects() == ["Warning: press-04 pump"], "quiet in maintenance"
        plant.ask(Maintain(source="pump", on=False, until_s=None, by="ben"))
        plant.run(LIFE_DAYS, rng)
    assert mailbox.subjects() == ["Warning: press-04 pump", "Alarm: press-04 pump"]
    assert [item["title"] for item in hooked] == mailbox.subjects()
    (warning, warned_day), (alarm, alarm_day) = plant.raised()
    assert (warning, alarm) == ("warning", "alarm")
    assert abs(warned_day - reached(ZONE_C)) < 2
    assert alarm_day >= LIFE_DAYS - 1
    basis = plant.pipeline.standing.basis
    assert basis.active
    assert basis.acknowledged_at is None, "the alarm waits to be acknowledged"
    assert "where zone D begins" in mailbox.mails[1][1]


def test_of_five_machines_four_reach_the_zone_within_the_interval_that_was_forecast(
    tmp_path: Path,
) -> None:
    within = 0
    for seed in range(5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        plant = Plant(folder)
        plant.run(20, np.random.default_rng(seed))
        plant.trends.close()
        daily = reading.read(folder / "trends.sqlite", "pump", "day", 0)
        days = np.array([point.start_s / DAY_S for point in daily.points][:20])
        means = np.array([point.summary.levels["velocity_mm_s"].mean for point in daily.points])
        forecast = trend_forecast.forecast(days, means[:20], ZONE_D)
        assert forecast is not None
        left_days = reached(ZONE_D) - 19.5  # from the middle of the last day on
        within += forecast.days_low <= left_days <= forecast.days_high
    assert within >= 4


def test_the_forecast_is_told_in_words(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.run(20, np.random.default_rng(0))
    plant.trends.close()
    daily = reading.read(tmp_path / "trends.sqlite", "pump", "day", 0)
    (line,) = history_forecast.lines(daily, "velocity_mm_s", CLASS, plant.now_s, utc=True)
    assert "It reaches 4.5 (zone D) about 2026-01-2" in line
