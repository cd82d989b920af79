"""Grafana's panels get rows from the tables that `ingest` fills. No Grafana takes part."""

import runpy

import pytest

from tests.jobs.test_ingest_measurements import query, stored
from tests.support import dashboards
from tests.support.observations import event

psycopg = pytest.importorskip("psycopg")

from agent.jobs.ingest import rows, tables  # noqa: E402

EMPTY = {"Messages that agents had to drop"}


def test_the_files_are_those_that_their_table_of_panels_makes() -> None:
    made = runpy.run_path(str(dashboards.FOLDER / "build.py"))["documents"]()
    assert made == {path.name: path.read_text() for path in dashboards.FOLDER.glob("*.json")}


def test_every_panel_of_the_tables_gets_rows(url: str) -> None:
    message = event(1, agent="a", source="fan")
    tables.Tables(url).write([stored(0.5), rows.read(message.topic, message.payload)])
    for title, sql in dashboards.queries("grafana-postgresql.json", "rawSql"):
        found = query(url, dashboards.expanded(sql, agent="a", source="fan"))
        assert found or title in EMPTY, title


def test_a_panel_reads_only_the_sources_that_were_selected(url: str) -> None:
    tables.Tables(url).write([stored(0.5)])
    for title, sql in dashboards.queries("grafana-postgresql.json", "rawSql"):
        if not title.startswith("variable"):
            assert query(url, dashboards.expanded(sql, agent="a", source="pump")) == [], title
