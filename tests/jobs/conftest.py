"""A PostgreSQL for the tests of `ingest`, started once for each of their files."""

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # psycopg may be missing
    from tests.support.postgres import Postgres


@pytest.fixture(scope="module")
def postgres() -> "Iterator[Postgres]":
    pytest.importorskip("psycopg")
    from tests.support.postgres import needed, server

    needed()
    with server() as running:
        yield running


@pytest.fixture
def url(postgres: "Postgres") -> str:
    """The address of an empty database."""
    return postgres.create(uuid.uuid4().hex)
