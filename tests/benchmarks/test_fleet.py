"""What the fleet's benchmark counts with: it must see what is missing, doubled or late."""

import re
import uuid
from collections.abc import Iterator

import pytest

psycopg = pytest.importorskip("psycopg")

from agent.core.types import Gap  # noqa: E402
from agent.jobs.ingest import rows, tables  # noqa: E402
from agent.messages import payloads  # noqa: E402
from benchmarks.fleet import checks  # noqa: E402
from benchmarks.fleet.box import OutboxTotals  # noqa: E402
from benchmarks.fleet.storm import storm  # noqa: E402
from tests.support.paths import DOCS  # noqa: E402
from tests.support.postgres import needed, server  # noqa: E402 (psycopg may be missing)

SCALE = DOCS / "SCALE.md"
EPOCH, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def url() -> Iterator[str]:
    needed()
    with server() as running:
        yield running.url()


def event(seq: int, second: int = 0, epoch: uuid.UUID = EPOCH) -> rows.Stored:
    payload = (
        f'{{"schema":"drsn-event/1","epoch":"{epoch}","seq":{seq},"agent":"a","source":"s",'
        f'"t_end":"2026-01-02T03:04:{second:02}Z","decision":"fault",'
        '"model":{"name":"m","version":"1"}}'
    )
    return rows.read("drsn/a/s/event", payload.encode())


def test_the_check_finds_what_is_missing_doubled_or_never_given_out(url: str) -> None:
    outboxes = [OutboxTotals("a", str(EPOCH), 3, 0, 0, 0)]
    table = tables.Tables(url)
    table.write([event(seq) for seq in (1, 2, 3, 3)])
    assert checks.in_table(url, outboxes).each_once
    table.write([event(2, second=1)])  # another time under a number that is there
    found = checks.in_table(url, outboxes)
    assert (found.rows, found.twice, found.missing, found.each_once) == (4, 1, 0, False)
    table.write([event(4), event(1, epoch=OTHER)])
    table.close()
    more = checks.in_table(url, [*outboxes, OutboxTotals("b", str(OTHER), 2, 0, 0, 0)])
    assert (more.unknown, more.missing, more.each_once) == (1, 1, False)


def test_the_documents_query_finds_what_neither_came_nor_is_marked_as_dropped(url: str) -> None:
    marker = payloads.gap(payloads.Topics("drsn", "a"), str(EPOCH), Gap(3, 4, 2, "age"), 1e9)
    table = tables.Tables(url)
    table.write([event(seq) for seq in (1, 2, 5, 9)] + [event(1, epoch=OTHER)])
    table.write([rows.read(marker.topic, marker.payload)])
    table.close()
    (query,) = re.findall(r"```sql\n(SELECT epoch.*?)```", SCALE.read_text(), re.DOTALL)
    with psycopg.connect(url) as db:
        assert db.execute(query).fetchall() == [(EPOCH, 6, 8)]


def test_a_storm_is_counted_by_the_second_from_its_beginning() -> None:
    connects = [5.0, 10.2, 10.3, 10.9, 17.5, 30.0]
    found = storm(connects, [9.0, 10.1, 12.0], from_s=10, until_s=20, zero_s=10)
    assert (found.connects, found.attempts, found.peak_per_s) == (4, 2, 3)
    assert found.buckets == (3, 1)
    assert found.all_s == pytest.approx(7.5)
