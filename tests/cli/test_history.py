"""`history` prints what a box has measured, and where it leads."""

import csv
import io
import sqlite3
import time
from pathlib import Path

import pytest

from agent.cli.main import main
from agent.delivery.trends import recorder
from agent.delivery.trends.recorder import TrendRecorder
from tests.support.measured import measurement

DAY_S = 86400


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.yaml"
    source = "{name: pump, kind: synth, model: bearing, unit: m/s2, machine_class: group2-rigid}"
    file.write_text(f"agent: {{state_dir: {tmp_path}}}\nsources:\n- {source}\n")
    return file


def fill(folder: Path, rise: float, days: int = 32) -> TrendRecorder:
    """Measurements four times a day; the recorder goes on."""
    trends = TrendRecorder(folder / recorder.FILE, 64 << 20)
    now_s = time.time()
    for quarter in range(4 * days):
        wave = 0.02 * (quarter * 7 % 11 - 5) / 5
        at_s = now_s - (4 * days - 1 - quarter) * DAY_S / 4 - 120
        trends.add(measurement(at_s, 1.5 + rise * quarter / 4 + wave))
    trends._write()
    return trends


def lines(capsys: pytest.CaptureFixture[str], *words: object) -> list[str]:
    assert main(["history", *map(str, words)]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_machine_that_wears_out_is_told_the_zone_and_the_days_beside_the_running_agent(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trends = fill(config.parent, rise=0.03)
    printed = lines(capsys, "pump", "--config", config, "--utc")
    trends.close()
    assert printed[0].split()[:4] == ["from", "channel", "measured", "fault"]
    assert len([line for line in printed if " 00:00 " in line]) in (30, 31)
    assert "largest); times in UTC" in printed[-3]
    assert printed[-2].startswith("velocity_mm_s, channel 0: rises by 0.03")
    assert "It reaches 2.8 (zone C) about 20" in printed[-2]
    assert "no trend in" in printed[-1]


def test_velocities_are_read_in_inches_a_second_where_that_is_asked_for(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(config.parent, rise=0.03).close()
    inches = ("pump", "--config", config, "--utc", "--units", "imperial")
    metric, imperial = (lines(capsys, *inches[:4])[1], lines(capsys, *inches)[1])
    mm_s, in_s = (float(line.split()[5]) for line in (metric, imperial))
    assert in_s == pytest.approx(mm_s / 25.4, rel=0.001)
    forecast = lines(capsys, *inches, "--level", "velocity_mm_s")[-1]
    assert forecast.startswith("velocity_in_s, channel 0: rises by 0.0011")
    assert lines(capsys, *inches, "--level", "velocity_in_s")[-1] == forecast
    assert "It reaches 0.11 (zone C) about 20" in forecast
    titles = lines(capsys, *inches, "--csv")[0]
    assert "velocity_mm_s_mean" in titles
    assert "velocity_in_s" not in titles


def test_a_steady_machine_has_no_forecast(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config.parent, rise=0.0).close()
    printed = lines(capsys, "pump", "--config", config, "--level", "velocity_mm_s")
    assert printed[-1].startswith("velocity_mm_s, channel 0: no trend in 30 daily means")
    fill(config.parent, rise=0.0, days=3).close()


def test_few_days_have_no_forecast(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config.parent, rise=0.1, days=4).close()
    printed = lines(capsys, "pump", "--config", config, "--level", "velocity_mm_s", "--days", "1")
    assert "no forecast: found" in printed[-1]
    assert "expected 7" in printed[-1]


def test_csv_holds_every_level_of_every_hour_in_the_time_zone(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(config.parent, rise=0.0, days=2).close()
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        printed = lines(capsys, "pump", "--config", config, "--days", "2", "--csv")
    finally:
        monkeypatch.undo()
        time.tzset()
    rows = list(csv.DictReader(io.StringIO("\n".join(printed))))
    assert len(rows) in (8, 9)
    assert all(row["from"].endswith(":30+05:30") for row in rows)
    assert {row["rms_mean"] for row in rows} == {"0.5"}
    assert {row["drift_max"] for row in rows} == {""}
    assert {row["normal"] for row in rows} == {"1"}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["fan"], "history: found the source 'fan', expected pump"),
        (["pump", "--per", "minute", "--days", "0.0001"], "found no measurement in 0.0001 days"),
    ],
)
def test_what_is_not_there_is_one_line(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    fill(config.parent, rise=0.0, days=2).close()
    assert main(["history", *words, "--config", str(config)]) != 0
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 500])
def test_a_file_that_is_not_there_or_broken_is_one_line(
    config: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    if content is not None:
        (config.parent / recorder.FILE).write_bytes(content)
    assert main(["history", "pump", "--config", str(config)]) == 75
    error = capsys.readouterr().err
    assert recorder.FILE in error
    assert error.count("\n") == 1


def test_rows_that_a_hand_or_a_disk_has_damaged_are_left_out(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(config.parent, rise=0.03).close()
    with sqlite3.connect(config.parent / recorder.FILE) as db:
        db.execute("UPDATE day SET rms_mean = 'much', anomaly_max = 9e999, rpm_count = x'00'")
        db.execute("INSERT INTO day (start_s, source, channel) VALUES ('soon', 1, 0)")
        db.execute("INSERT INTO day (start_s, source, channel) VALUES (1700000000, 1, 'left')")
        db.execute("INSERT INTO day (start_s, source, channel) VALUES (9000000000000000, 1, 0)")
    printed = lines(capsys, "pump", "--config", config)
    assert printed[0].split()[-1] == "velocity_mm_s"
    assert "It reaches 2.8 (zone C)" in printed[-2]
    assert len(printed) in (34, 35)


def test_a_folder_that_may_not_be_looked_into_is_one_line(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace(str(config.parent), f"/tmp/{'x' * 300}"))
    assert main(["history", "pump", "--config", str(config)]) == 75
    assert capsys.readouterr().err.count("\n") == 1
