"""Decoders of what other devices and agents publish, which the agent and `watch` hear."""

import contextlib

import msgspec

from agent.acquisition import published_payloads
from agent.config.published import Published
from agent.jobs.source_table import SourceTable
from tests.hostile.decoder import Decoder
from tests.support import observations
from tests.support.measured import measurement

SPEEDS = (Published(topic="t"), Published(topic="t", field="a.speed", factor=60.0))
CONDITIONS = (*SPEEDS, Published(topic="t", field="load", limits=(25.0, 75.0)))


def table() -> list[Decoder]:
    """A drive's topics, and those of all agents."""
    return [_operating(), _watch()]


def _operating() -> Decoder:
    def read(data: bytes) -> None:
        for speed in SPEEDS:
            with contextlib.suppress(ValueError):
                assert 0.0 <= published_payloads.rpm(data, speed) <= published_payloads.MAX_RPM
        for condition in CONDITIONS:
            with contextlib.suppress(ValueError):
                assert published_payloads.condition_name(data, condition).isprintable()
            with contextlib.suppress(ValueError):
                published_payloads.is_running(data, condition)

    digits = b"9" * 400
    return Decoder(
        "topics of speed and condition",
        read,
        [
            b"1480",
            b"-24.66",
            b"full load",
            b"off",
            b"true",
            b'{"a": {"speed": 24.7}, "load": 80}',
            b'{"a": {"speed": "24.7"}, "load": "50"}',
            b'{"load": ' + digits + b"}",
            digits,
        ],
        [
            f"agent/acquisition/published_payloads.py:{name}"
            for name in ("rpm", "is_running", "condition_name", "_field", "_number", "range_of")
        ],
    )


def _watch() -> Decoder:
    """The newest 20 messages are in the table, which is shown after each."""
    state = observations.event(5, decision="fault", label="outer").payload
    measured = msgspec.json.encode(measurement(1e9, channels=2))
    levels = ("status", "a/state", "a/measurement", "b/measurement", "")
    taken: list[SourceTable] = []

    def take(data: bytes) -> None:
        if not taken or len(data) % 20 == 0:
            taken[:] = [SourceTable("drsn")]
        for level in levels:
            taken[0].take(f"drsn/press-04/{level}", data)
        assert all(line.isprintable() for line in taken[0].lines())

    return Decoder(
        "watch",
        take,
        [state, measured, b"online", b""],
        [f"agent/jobs/source_table.py:SourceTable.{name}" for name in ("take", "_take", "_cells")],
    )
