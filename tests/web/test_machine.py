"""What the page is told of one machine: why, levels over time, spectra; and what it refuses."""

import base64
import time
from collections.abc import Iterator

import numpy as np
import pytest

from agent.diagnosis.levels import LIMITS_MM_S
from tests.conftest import eventually
from tests.support import machine_hall
from tests.support.machine_hall import HEALTHY, WORN, Hall
from tests.support.page_client import get, request


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with machine_hall.running(tmp_path_factory.mktemp("hall")) as hall:
        yield hall


def test_every_part_of_the_decision_has_its_number(hall: Hall) -> None:
    def decided() -> bool:
        basis = get(hall.port, f"/api/machine?source={WORN}")["basis"]
        return basis is not None and basis["line"] == "bpfo"

    eventually(decided, 20, "the fault is named")
    machine = get(hall.port, f"/api/machine?source={WORN}")
    assert (machine["card"]["decision"], machine["card"]["label"]) == ("fault", "outer")
    assert machine["card"]["anomaly"] > 1
    assert machine["card"]["baseline"] == "provisional"
    assert machine["basis"]["network"] == "outer"
    assert machine["basis"]["line_db"] > machine["shown_db"]
    assert machine["limits_mm_s"] == list(LIMITS_MM_S["group2-rigid"])
    assert machine["physics"][0]["evidence_db"]["bpfo"] > machine["shown_db"]


def test_the_envelopes_highest_line_is_where_the_outer_race_strikes(hall: Hall) -> None:
    spectrum = get(hall.port, f"/api/spectrum?source={WORN}")
    envelope, series = spectrum["envelope_db"], {one["name"]: one for one in spectrum["series"]}
    highest_hz = (np.argmax(envelope["values"]) + 0.5) * envelope["step_hz"]
    orders = highest_hz / series["bpfo"]["lines_hz"][0]
    assert abs(orders - round(orders)) < 0.03 * round(orders)
    assert series["bpfo"]["db"] > 10 > series["ftf"]["db"]
    assert list(series) == ["shaft", "bpfo", "bpfi", "bsf", "ftf"]
    assert series["shaft"]["lines_hz"][0] == pytest.approx(spectrum["rpm"] / 60, abs=1e-3)


def test_the_healthy_machines_curve_fits_its_spectrum_and_not_that_of_the_fault(hall: Hall) -> None:
    spectrum = get(hall.port, f"/api/spectrum?source={WORN}")
    healthy, step_hz = spectrum["healthy"], spectrum["density"]["step_hz"]
    at_hz = (np.arange(len(spectrum["density"]["values"])) + 0.5) * step_hz
    values = np.asarray(spectrum["density"]["values"])
    above = []
    for first, last, most in zip(
        healthy["edges_hz"], healthy["edges_hz"][1:], healthy["highest"], strict=False
    ):
        inside = values[(at_hz >= first) & (at_hz < last)]
        above.append(np.sqrt(np.mean(inside**2)) > 2 * most)
    middles = np.asarray(healthy["edges_hz"])[:-1]
    assert above[int(np.argmin(abs(middles - 3000)))], "the fault rings at 3 kHz"
    assert not any(above[:3])
    assert get(hall.port, f"/api/spectrum?source={HEALTHY}")["healthy"] is None


@pytest.mark.parametrize(
    ("span", "days", "points"),
    [("minute", 1, 24 * 12), ("hour", 7, 7 * 24), ("hour", 31, 31 * 24), ("day", 365, 365)],
)
def test_a_trend_is_there_from_a_day_to_a_year(
    hall: Hall, span: str, days: int, points: int
) -> None:
    now_s = time.time()
    query = f"source={WORN}&span={span}&from={now_s - days * 86400}&to={now_s}"
    trend = get(hall.port, f"/api/trends?{query}&levels=velocity_mm_s,anomaly_slow")
    means = trend["levels"]["velocity_mm_s"]["mean"]
    assert points - 24 <= len(means) <= points + 24
    assert len(trend["starts_s"]) == len(means) == len(trend["decisions"])
    lowest, highest = (trend["levels"]["velocity_mm_s"][key] for key in ("lowest", "highest"))
    assert all(a <= b <= c for a, b, c in zip(lowest, means, highest, strict=True))
    fault = [event for event in trend["events"] if event["fault"] == "outer"]
    assert bool(fault) or days == 1
    if span != "day":
        assert trend["decisions"][-3].keys() == {"fault"}


def test_a_week_of_every_source_fits_on_a_card(hall: Hall) -> None:
    weeks = get(hall.port, "/api/week")["sources"]
    assert set(weeks) == {WORN, HEALTHY}
    assert 160 <= len(weeks[WORN]["means"]) <= 170
    assert weeks[WORN]["means"][-3] > weeks[HEALTHY]["means"][-3]


def test_the_waterfall_holds_a_column_now_and_then_and_gives_only_what_is_new(hall: Hall) -> None:
    part = get(hall.port, f"/api/waterfall?source={WORN}")
    levels = np.frombuffer(base64.b64decode(part["levels"]), np.uint8)
    assert len(levels) == len(part["times_s"]) * part["bands"] > 0
    column = levels[: part["bands"]].astype(float)
    resonance = int(3000 / part["highest_hz"] * part["bands"])
    assert column[resonance] > np.median(column) + 10
    newest = part["times_s"][-1]
    after = get(hall.port, f"/api/waterfall?source={WORN}&after={newest}")
    assert all(time_s > newest for time_s in after["times_s"])


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("machine?source=none", 404, "source: found 'none', expected one of fan-drive"),
        ("spectrum?source=fan-drive&channel=1", 400, "channel: found '1', expected 0 to 0"),
        ("spectrum?source=fan-drive&channel=-1", 400, "channel: found '-1'"),
        ("trends?source=fan-drive&span=week", 400, "span: found 'week', expected minute, hour"),
        ("trends?source=fan-drive&levels=volume", 400, "levels: found 'volume'"),
        ("trends?source=fan-drive&from=nan", 400, "from: found 'nan'"),
        ("trends?source=fan-drive&to=1e300", 400, "to: found '1e300'"),
        ("trends?source=fan-drive&span=minute&from=0", 400, "from: expected at most 2000 times"),
        ("trends?source=fan-drive&from=9&to=1", 400, "from: expected at most"),
        ("waterfall?source=fan-drive&after=now", 400, "after: found 'now'"),
    ],
)
def test_a_question_that_cannot_be_answered_is_one_line(
    hall: Hall, path: str, status: int, reason: str
) -> None:
    answer = request(hall.port, f"/api/{path}")
    text = answer.read().decode()
    assert (answer.status, text.count("\n")) == (status, 1)
    assert text.startswith(reason)
