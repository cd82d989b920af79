"""Measurements as metrics of a Sparkplug device, decoded by another project's messages."""

from pathlib import Path
from typing import Any

import pytest

from agent.core.types import FaultLine, Measured, Message, Verdict
from agent.messages import payloads
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.edge_node import Address, EdgeNode
from agent.messages.sparkplug.latest import Latest
from tests.messages.test_edge_node import DetachedNode, decoded, kinds, source
from tests.support import observations, tiny
from tests.support.measured import physics as physics_of
from tests.support.sparkplug_host import NodeMessage, unit_of

ORIGIN = payloads.Origin(payloads.Topics("drsn", "a"), "s", "m/s2", tiny.contract(), "0" * 64)
LINES = FaultLine(bpfo=12.0, bpfi=3.0, bsf=2.0, ftf=1.0)


def measurement(*rms: float, rpm: float = 1490.0, lines: FaultLine | None = None) -> Message:
    physics = tuple(physics_of(each, zone="B", evidence_db=lines) for each in rms)
    measured = Measured(physics, Verdict("normal", "normal", 0.9), rpm, None, None, None)
    at = payloads.MeasuredAt(observations.FIELDS["epoch"], 5000, 1e9, 1e9)
    return payloads.measurement(payloads.measurement_record(measured, ORIGIN, at), ORIGIN.topics)


@pytest.fixture
def detached(tmp_path: Path) -> DetachedNode:
    sources, latest = [source(measure_s=10.0, unit="m/s2")], Latest(0)
    address = Address("plant", "a")
    node = EdgeNode(address, "mine", lambda: sources, latest, BdSeq(tmp_path / "bdseq"))
    return DetachedNode(node, latest, sources)


def units(birth: NodeMessage) -> dict[str, str | None]:
    return {metric.name: unit_of(metric) for metric in birth.payload.metrics}


def measured_in(message: NodeMessage) -> dict[str, Any]:
    return {name: v for name, v in message.values.items() if name.startswith("measurement/")}


def test_a_birth_names_every_metric_and_its_engineering_unit(detached: DetachedNode) -> None:
    _, birth = detached.begin()
    assert all(value is None for value in measured_in(birth).values())
    found = units(birth)
    assert (found["measurement/rms"], found["measurement/velocity_mm_s"]) == ("m/s2", "mm/s")
    assert (found["measurement/evidence_db/bpfo"], found["measurement/rpm"]) == ("dB", "rpm")
    assert (found["measurement/kurtosis"], found["latency_ms"]) == (None, "ms")
    assert found["properties/rate_hz"] == "Hz"


def test_data_are_what_has_changed_and_are_no_history(detached: DetachedNode) -> None:
    detached.begin()
    [first] = detached.put(measurement(0.5, lines=LINES))
    assert kinds([first]) == [("DDATA", "s")]
    assert first.historical == {False}
    assert first.values["measurement/rms"] == 0.5
    assert first.values["measurement/evidence_db/bpfo"] == 12.0
    [second] = detached.put(measurement(0.5, rpm=1480.0, lines=LINES))
    assert second.values == {"measurement/rpm": 1480.0}
    assert detached.put(measurement(0.5, rpm=1480.0, lines=LINES)) == [], "nothing is new"
    [third] = detached.put(measurement(0.5, rpm=1480.0))
    assert third.values == {
        f"measurement/evidence_db/{line}": None for line in LINES.__struct_fields__
    }


def test_a_birth_has_the_newest_measurement(detached: DetachedNode) -> None:
    detached.begin()
    detached.put(observations.event(1))
    detached.put(measurement(0.5))
    _, birth = detached.begin()
    assert birth.values["measurement/rms"] == 0.5
    assert birth.values["decision"] == "normal"
    assert units(birth)["measurement/rms"] == "m/s2"
    [news] = detached.put(observations.event(2, snr_db=1.0))
    assert news.values == {"seq": 2, "snr_db": 1.0}, "a measurement has moved no number"
    assert news.historical == {False}


def test_a_device_that_is_dead_is_not_born_by_a_measurement(detached: DetachedNode) -> None:
    detached.begin()
    assert kinds(detached.put(observations.event(1, **observations.SILENT)))[-1] == ("DDEATH", "s")
    assert detached.put(measurement(0.5)) == []
    heard = detached.put(observations.event(2))
    assert kinds(heard) == [("DBIRTH", "s"), ("DDATA", "s")]
    assert heard[0].values["measurement/rms"] == 0.5


def test_each_channel_has_its_metrics(detached: DetachedNode) -> None:
    detached.sources[0] = source(measure_s=10.0, channels=3)
    _, birth = detached.begin()
    assert {f"measurement/{number}/rms" for number in range(3)} <= set(birth.values)
    [data] = detached.put(measurement(0.5, 0.25, 0.125))
    assert [data.values[f"measurement/{number}/rms"] for number in range(3)] == [0.5, 0.25, 0.125]


def test_a_source_that_is_not_measured_has_no_such_metric(detached: DetachedNode) -> None:
    detached.sources[0] = source(measure_s=0.0)
    _, birth = detached.begin()
    assert measured_in(birth) == {}


def test_info_without_a_change_gives_no_birth(detached: DetachedNode) -> None:
    detached.begin()
    detached.put(measurement(0.5))
    info = Message(0, "drsn/a/info", b"{}", retain=True, qos=0)
    assert decoded(detached.node.translate(info)) == []
