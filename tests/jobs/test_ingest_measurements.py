"""Measurements in PostgreSQL: a row a channel, once, in old databases too."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.core.types import FaultLine, Measured, Physics, Verdict
from agent.messages import payloads
from tests.conftest import Agent, Broker, eventually
from tests.support import tiny
from tests.support.measured import physics

psycopg = pytest.importorskip("psycopg")

from agent.jobs.ingest import rows, tables  # noqa: E402

OF_0_1 = Path(__file__).parents[1] / "service" / "v0_1" / "ingest.sql"
EPOCH = str(uuid.UUID(int=7))
ORIGIN = payloads.Origin(payloads.Topics("drsn", "a"), "fan", "m/s2", tiny.contract(), "0" * 64)


def channel(rms: float) -> Physics:
    return physics(
        rms,
        zone="B",
        evidence_db=FaultLine(bpfo=12.5, bpfi=3.0, bsf=2.0, ftf=1.0),
        shows="bpfo",
        healthy_db=FaultLine(bpfo=4.0, bpfi=4.0, bsf=4.0, ftf=4.0),
        contrast_db=FaultLine(bpfo=8.5, bpfi=-1.0, bsf=-2.0, ftf=-3.0),
    )


def stored(*rms: float, end_s: float = 1e9) -> rows.Stored:
    """The message of a source with so many channels, as ingest reads it."""
    verdict = Verdict("normal", "normal", 0.9)
    measured = Measured(tuple(map(channel, rms)), verdict, 1490.0, 0.4, 0.3, 0.2)
    at = payloads.MeasuredAt(EPOCH, 5000, end_s, end_s)
    record = payloads.measurement_record(measured, ORIGIN, at)
    message = payloads.measurement(record, ORIGIN.topics)
    return rows.read(message.topic, message.payload)


def query(url: str, text: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as db:
        found: list[tuple[Any, ...]] = db.execute(text).fetchall()
    return found


def test_a_measurement_is_a_row_a_channel_and_stored_once(url: str) -> None:
    database = tables.Tables(url)
    first = database.write([stored(0.5, 0.25), stored(0.75, 0.5, end_s=1e9 + 10)])
    assert (first.fresh, first.duplicates, first.rejected) == (4, 0, ())
    again = database.write([stored(0.5, 0.25)])
    assert (again.fresh, again.duplicates) == (0, 2)
    trend = "SELECT channel, rms, zone, bpfo_db, ftf_contrast_db, anomaly FROM drsn.measurement"
    found = query(url, f"{trend} WHERE source = 'fan' ORDER BY channel, t_end")
    assert [row[:4] for row in found] == [
        (0, 0.5, "B", 12.5),
        (0, 0.75, "B", 12.5),
        (1, 0.25, "B", 12.5),
        (1, 0.5, "B", 12.5),
    ]
    assert found[0][4:] == (-3.0, pytest.approx(0.4))


def test_a_database_of_an_earlier_version_gets_the_table(url: str) -> None:
    with psycopg.connect(url) as db:
        db.execute(OF_0_1.read_text())
    assert tables.Tables(url).write([stored(0.5)]).fresh == 1


def test_without_the_right_to_make_a_table_only_measurements_wait(url: str) -> None:
    role = f"r{uuid.uuid4().hex}"
    with psycopg.connect(url) as db:
        db.execute(OF_0_1.read_text())
        db.execute(f"CREATE ROLE {role} LOGIN")
        db.execute(f"GRANT USAGE ON SCHEMA drsn TO {role}")
        db.execute(f"GRANT INSERT ON ALL TABLES IN SCHEMA drsn TO {role}")
    database = tables.Tables(url.replace("drsn@", f"{role}@"))
    event = {"schema": "drsn-event/1", "epoch": EPOCH, "seq": 1, "agent": "a", "source": "fan"}
    event |= {"t_end": "2026-01-02T03:04:05Z", "decision": "fault"}
    event |= {"model": {"name": "bearing", "version": "1"}}
    assert database.write([rows.read("drsn/a/fan/event", json.dumps(event).encode())]).fresh == 1
    with pytest.raises(tables.Away, match=r"drsn\.measurement"):
        database.write([stored(0.5)])


BAD = {
    "no channel": {"physics": []},
    "a text for a number": {"physics": [{"seconds": 5, "rms": "much", "peak": 1}]},
    "another source's": {"source": "pump"},
    "more than a real holds": {"physics": [{"seconds": 5, "rms": 1e300, "peak": 1}]},
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_measurement_is_set_aside_and_the_others_stored(url: str, case: str) -> None:
    good = stored(0.5)
    payload = json.dumps(json.loads(good.payload) | BAD[case]).encode()
    written = tables.Tables(url).write([rows.read("drsn/a/fan/measurement", payload), good])
    assert written.fresh == 2
    assert [row.payload for row in written.rejected] == [payload]


def test_what_the_agent_measures_comes_into_the_table(
    broker: Broker,
    url: str,
    tmp_path: Path,
    run_agent: Callable[..., Agent],
    settings: Callable[..., dict[str, Any]],
) -> None:
    line = [sys.executable, "-m", "agent", "ingest", "--to", url, "--port", str(broker.port)]
    log = tmp_path / "ingest.log"
    with log.open("wb") as err:
        consumer = subprocess.Popen([*line, "--topics", "measurement"], stderr=err)
    try:
        eventually(lambda: " takes " in log.read_text(), 20, "it has its subscriptions")
        signal = np.random.default_rng(0).standard_normal((9000, 1)).astype(np.float32) * 0.1
        np.save(tmp_path / "quiet.npy", signal)
        source = {"kind": "file", "path": str(tmp_path / "quiet.npy"), "rate_hz": 1000}
        tree = settings(broker.port, **source, pace="fast", measure_s=2.0, unit="m/s2")
        assert run_agent(tree).wait() == 0
        text = "SELECT rms FROM drsn.measurement"
        eventually(lambda: bool(_found(url, text)), 20, log.read_text())
        assert all(0.08 < rms < 0.12 for (rms,) in _found(url, text))
    finally:
        consumer.kill()
        consumer.wait()


def _found(url: str, text: str) -> list[tuple[Any, ...]]:
    try:
        return query(url, text)
    except psycopg.errors.UndefinedTable:
        return []
