"""Every published field is shown wherever it belongs; the exceptions are listed with the reason.

A field counts as shown where a change of its value changes the output.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

import jinja2
import msgspec
import pytest

from agent.jobs.ingest import rows
from agent.jobs.ingest.machine_rows import MachineRow
from agent.jobs.ingest.measurement_rows import MeasurementRow
from agent.messages import homeassistant, json_schema, payloads
from agent.messages.machine import MachineState
from agent.messages.machine_info import MachineInfo
from agent.messages.measurement import Measurement
from agent.messages.records import (
    MQTT_STATES,
    GapMarker,
    Health,
    Info,
    Observation,
    Result,
    Rollout,
    SourceInfo,
)
from agent.messages.sparkplug import device_metrics, node_metrics
from agent.messages.sparkplug.device_metrics import Device
from agent.messages.topics import OBSERVATIONS, PUBLISHED, schema
from agent.service.metrics.families import Collector
from agent.service.metrics.snapshot import Snapshot
from tests.support import published
from tests.support.paths import DOCS

Tree = dict[str, Any]
Record = type[msgspec.Struct]
SQL = Path(rows.__file__).with_name("schema.sql").read_text()
TOPICS = payloads.Topics("drsn", "agent-0")
KINDS = {kind.record: kind.key for kind in PUBLISHED.values() if kind.record is not None}

PHYSICS = "physics.*"
DRIVES = (
    "sources.*.speed.* sources.*.condition.* sources.*.load.* sources.*.temperature.* "
    "sources.*.running.*"
)
EXPERTS = "for a person or a program that reads the message itself"
HEADER = "names the message, which the entity, metric or row has from elsewhere"
DEVICE = "of the device, from `info`"
BIRTH = "properties of the device, from `info`"
HISTORY = "the history of counters is kept by Prometheus"
COLUMN = "in the column `record`, the whole payload as jsonb"
# (where it is not shown, record): {reason: fields}
LEFT_OUT: dict[tuple[str, Record], dict[str, str]] = {
    ("Home Assistant entity", Observation): {
        HEADER: "schema epoch seq agent source t_start t_end t_published model.*",
        EXPERTS: "first_sample n_samples dropped rate_hz unit probabilities",
        "an estimate of few models": "snr_db distance",
        "of the newest windows, from `health`": "latency_ms",
        "as fresh as they can be in `measurement`": f"anomaly {PHYSICS}",
        "its sentence says the same": "basis.*",
        DEVICE: "place.*",
    },
    ("Home Assistant entity", Measurement): {
        HEADER: "schema epoch agent source t_start t_end t_published",
        EXPERTS: "end_sample rate_hz physics.*.seconds physics.*.velocity_band_hz "
        "physics.*.envelope_band_hz",
        "the unit of the entity": "unit",
        "from the topic `state`": "decision label alarm",
        "the lines themselves show it": "physics.*.shows",
        "the contrast is against it": "physics.*.healthy_db.*",
        DEVICE: "place.*",
    },
    ("Home Assistant entity", MachineState): {
        HEADER: "schema epoch seq agent machine t_end t_published",
        EXPERTS: "points.*.label points.*.probability points.*.flags points.*.t_end "
        "points.*.direction points.*.alarm",
    },
    ("Home Assistant entity", Health): {
        HEADER: "schema agent t_published",
        EXPERTS: "uptime_s clock.* mqtt.* process.rss_peak_mib process.threads process.fds "
        f"{DRIVES}",
        HISTORY: "outbox.age_s outbox.dropped outbox.parked outbox.trouble latency_ms.* "
        "sources.*.opened sources.*.samples sources.*.gaps sources.*.missing sources.*.overrun "
        "sources.*.windows sources.*.flagged sources.*.missed sources.*.drift sources.*.nominal_hz "
        "sources.*.measured_hz",
        "from the topic `state`": "sources.*.state sources.*.decision sources.*.alarm "
        "sources.*.maintenance machines.*",
    },
    ("Home Assistant entity", SourceInfo): {
        EXPERTS: "kind hop_s window_s rate_hz normal model.sha256 model.precision bearing.* "
        "baseline_s condition model_choice device place.site",
        "which entities there are": "conditions",
        "from the topic `state`": "maintenance.*",
        "how long a level is shown, a minute at least": "measure_s",
    },
    ("Sparkplug metric", Observation): {
        HEADER: "schema epoch agent t_start t_published",
        "records, which have no datatype": f"{PHYSICS} basis.*",
        EXPERTS: "first_sample model.precision event_id alarm_basis.event_id",
        "0 is the device's death": "n_samples",
        BIRTH: "place.*",
    },
    ("Sparkplug metric", MachineState): {
        HEADER: "schema epoch agent t_published",
        "each point is a device": "points.*",
    },
    ("Sparkplug metric", Measurement): {
        HEADER: "schema epoch agent source t_start t_published",
        EXPERTS: "end_sample rate_hz physics.*.velocity_band_hz physics.*.envelope_band_hz",
        "the unit of the metric, from its birth": "unit",
        "from the event": "label",
        "the contrast is against it": "physics.*.healthy_db.*",
        BIRTH: "place.*",
    },
    ("Sparkplug metric", Health): {
        HEADER: "schema agent",
        "the session itself shows it": "mqtt.*",
        "node metrics are of the agent, not of its sources": "sources.* latency_ms.*",
        HISTORY: "clock.steps outbox.age_s process.rss_peak_mib process.threads process.fds",
        "each machine has its own": "machines.*",
    },
    ("Sparkplug metric", GapMarker): {HEADER: "schema epoch seq agent"},
    ("Sparkplug metric", SourceInfo): {
        EXPERTS: "normal model.precision bearing.* machine_class baseline baseline_s condition "
        "model_choice tacho conditions",
        "from the state": "maintenance.*",
        "0 leaves metrics out": "measure_s",
    },
    ("Prometheus metric", Health): {
        "labels of the scrape": "schema agent t_published",
        EXPERTS: DRIVES,
        "a text": "mqtt.why",
        "the node exporter has it": "clock.synchronised",
        "max_over_time gives it": "process.rss_peak_mib",
        "each source has its own": "latency_ms.scored",
    },
    ("Prometheus metric", Measurement): {
        "labels of the scrape": "schema epoch agent source t_start t_published",
        EXPERTS: "end_sample rate_hz physics.*.seconds physics.*.velocity_band_hz "
        "physics.*.envelope_band_hz",
        "from `health`": "decision label alarm drift",
        "a text": "condition",
        "the lines themselves show it": "physics.*.shows",
        "the contrast is against it": "physics.*.healthy_db.*",
    },
    ("ingest column", Measurement): {
        "the table has it": "schema",
        "one time a row is enough": "t_start t_published",
        EXPERTS: "end_sample rate_hz physics.*.velocity_band_hz physics.*.envelope_band_hz",
        "the lines themselves show it": "physics.*.shows",
        "the contrast is against it": "physics.*.healthy_db.*",
    },
    ("ingest column", Observation): {
        "the column `kind` has it, from the topic": "schema",
        COLUMN: "t_start t_published first_sample n_samples dropped rate_hz unit flags "
        "probabilities snr_db shrinkage distance model.sha256 model.precision latency_ms previous "
        f"anomaly evidence basis.* {PHYSICS} alarm alarm_basis.* maintenance.* event_id",
    },
    ("ingest column", GapMarker): {"the table has it": "schema"},
    ("ingest column", MachineState): {
        "the table has it": "schema",
        COLUMN: "t_published points.*",
    },
}


def home_assistant(record: Record, tree: Tree) -> object:
    """What the templates of all entities make of the message."""
    if record is SourceInfo:
        info = msgspec.convert(tree, SourceInfo)
        return [message.payload for message in homeassistant.configs(TOPICS, [info])]
    described = {"name": "key", "channels": 1, "unit": "g", "baseline": "whole"}
    described |= {"conditions": ["speed", "condition", "load", "temperature", "running"]}
    info = msgspec.convert(published.sample(SourceInfo, 0) | described, SourceInfo)
    addresses = {
        Health: [TOPICS.of("health")],
        Observation: [TOPICS.of(last, source="key") for last in ("state", "event")],
        Measurement: [TOPICS.of("measurement", source="key")],
        MachineState: [TOPICS.of("machine", machine="press")],
    }[record]
    press = MachineInfo(name="press", site=None, area=None, points=("key",))
    messages = homeassistant.configs(TOPICS, [info], machines=[press])
    configs = [msgspec.json.decode(each.payload) for each in messages]
    parts = [part for config in configs for part in config["cmps"].values()]
    return [
        jinja2.Template(part[template]).render(value_json=tree)
        for part in parts
        for topic, template in (("stat_t", "val_tpl"), ("json_attr_t", "json_attr_tpl"))
        if part.get(topic) in addresses
    ]


def sparkplug(record: Record, tree: Tree) -> object:
    """The metrics of the message, and the device that it describes."""
    if record is Observation:
        observation = msgspec.convert(tree, Observation)
        device = device_metrics.of_observation(observation)
        died = device_metrics.is_death(observation)
        return device, list(device_metrics.data(device, observation)), died
    if record is SourceInfo:
        return device_metrics.of_source(msgspec.convert(tree, SourceInfo))
    if record is Measurement:
        device = Device("key", (), channels=1, unit="g")
        return device_metrics.measured(device, msgspec.convert(tree, Measurement))
    if record is MachineState:
        return node_metrics.machine(msgspec.convert(tree, MachineState))
    if record is Health:
        return node_metrics.health(msgspec.convert(tree, Health))
    return node_metrics.gap(msgspec.convert(tree, GapMarker))


def prometheus(record: Record, tree: Tree) -> object:
    """All samples that a scrape sees."""
    is_health = record is Health
    health = msgspec.convert(tree if is_health else published.sample(Health, 0), Health)
    measured = {} if is_health else {"key": msgspec.convert(tree, Measurement)}
    snapshot = Snapshot(lambda: health, lambda: measured)
    snapshot.turn()
    families = Collector(snapshot).collect()
    return [(each.name, each.labels, each.value) for family in families for each in family.samples]


def ingest(record: Record, tree: Tree) -> object:
    """The row in the table, without the column that has the whole payload."""
    kind = KINDS[record]
    names = {name: tree[name] for name in ("source", "machine") if name in tree}
    topic = payloads.Topics("drsn", tree["agent"]).of(kind, **names)
    row = rows.read(topic, msgspec.json.encode(tree | {"schema": schema(kind)})).rows[0]
    assert not isinstance(row, rows.Rejected), row.why
    return {name: value for name, value in row._asdict().items() if name != "record"}


def changes(show: Callable[[Record, Tree], object]) -> Callable[[Record], set[str]]:
    """The fields whose change changes what is shown."""

    def shown(record: Record) -> set[str]:
        before = show(record, published.sample(record, 0))
        return {
            path
            for path in published.paths(record)
            if any(show(record, tree) != before for tree in published.changes(record, path))
        }

    return shown


def documented(record: Record) -> set[str]:
    """The fields whose name stands in code in the record's section of docs/MQTT.md."""
    text = re.sub(r"^```.*?^```", "", SECTIONS[record]() + shared(), flags=re.DOTALL | re.MULTILINE)
    code = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    return {path for path in published.paths(record) if set(path.split(".")) - {"*"} <= code}


def section(heading: str, document: str = "MQTT.md") -> str:
    """From that heading to the next of the same level."""
    text = (DOCS / document).read_text()
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0] or pytest.fail(heading)


def shared() -> str:
    return (DOCS / "MQTT.md").read_text().partition("\n## Info\n")[0]


SECTIONS: dict[Record, Callable[[], str]] = {
    Observation: lambda: section("State, event, window") + (DOCS / "PHYSICS.md").read_text(),
    MachineState: lambda: section("Machine"),
    Measurement: lambda: section("Measurement") + (DOCS / "PHYSICS.md").read_text(),
    Health: lambda: section("Health"),
    GapMarker: lambda: section("Gap"),
    Info: lambda: section("Info"),
    Result: lambda: section("Commands"),
    Rollout: lambda: section("Roll-out"),
}
SHOWN: list[tuple[str, Callable[[Record], set[str]], tuple[Record, ...]]] = [
    ("row in docs/MQTT.md", documented, tuple(SECTIONS)),
    (
        "Home Assistant entity",
        changes(home_assistant),
        (Observation, Measurement, Health, SourceInfo, MachineState),
    ),
    (
        "Sparkplug metric",
        changes(sparkplug),
        (Observation, Measurement, Health, GapMarker, SourceInfo, MachineState),
    ),
    ("Prometheus metric", changes(prometheus), (Health, Measurement)),
    ("ingest column", changes(ingest), (Observation, Measurement, GapMarker, MachineState)),
]
CASES = [(where, shown, record) for where, shown, kinds in SHOWN for record in kinds]


@pytest.mark.parametrize(
    ("where", "shown", "record"), CASES, ids=[f"{w}-{r.__name__}" for w, _, r in CASES]
)
def test_a_field_is_shown_everywhere_or_left_out_for_a_reason(
    where: str, shown: Callable[[Record], set[str]], record: Record
) -> None:
    found = shown(record)
    left_out = " ".join(LEFT_OUT.get((where, record), {}).values()).split()
    missing = [
        f"field `{path}` of {record.__name__} has no {where}"
        for path in published.paths(record)
        if path not in found and not any(fnmatchcase(path, pattern) for pattern in left_out)
    ]
    assert not missing, "\n".join(missing)
    needless = [
        f"`{pattern}` of {record.__name__} is left out, and has a {where} (or is no field)"
        for pattern in left_out
        if not any(fnmatchcase(path, pattern) for path in set(published.paths(record)) - found)
    ]
    assert not needless, "\n".join(needless)


def test_an_ingest_row_has_the_tables_columns_in_order() -> None:
    for table, row in (
        ("observation", rows.ObservationRow),
        ("measurement", MeasurementRow),
        ("machine", MachineRow),
        ("gap", rows.GapRow),
    ):
        found = re.search(rf"TABLE IF NOT EXISTS drsn\.{table} \((.*?)PRIMARY", SQL, re.DOTALL)
        assert found is not None
        assert re.findall(r"^  (\w+) ", found[1], re.MULTILINE) == list(row._fields)


def test_kinds_and_states_are_the_same_everywhere() -> None:
    assert set(get_args(payloads.Topic)) == set(OBSERVATIONS)
    described = json_schema.schemas()["health"]["$defs"]["MqttHealth"]["properties"]["state"]
    assert described["description"].split(", ") == list(MQTT_STATES)
    row = next(line for line in section("Health").splitlines() if line.startswith("| `mqtt`"))
    assert row.partition("(")[2].partition(")")[0] == ", ".join(f"`{s}`" for s in MQTT_STATES)
