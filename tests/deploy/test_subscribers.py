"""The configurations for other programs name fields that messages have. No Telegraf takes part."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.support.measured import measurement
from tests.support.observations import event
from tests.support.paths import PROJECT

TELEGRAF = PROJECT / "deploy" / "subscribers" / "telegraf.conf"


def paths() -> Iterator[tuple[str, str]]:
    """A topic and a path that Telegraf reads in its messages."""
    for consumer in tomllib.loads(TELEGRAF.read_text())["inputs"]["mqtt_consumer"]:
        for parser in consumer["json_v2"]:
            parts = (*parser["tag"], *parser["field"], {"path": parser["timestamp_path"]})
            for topic in consumer["topics"]:
                yield from ((topic, part["path"]) for part in parts)


def test_telegraf_reads_fields_that_are_there() -> None:
    observation: Any = json.loads(event(1).payload)
    level: Any = json.loads(msgspec.json.encode(measurement(1e9)))
    examples = {"state": observation, "window": observation, "measurement": level}
    for topic, path in paths():
        value = examples[topic.rpartition("/")[2]]
        for key in path.split("."):
            value = value[int(key) if key.isdecimal() else key]


def test_telegraf_reads_levels_too() -> None:
    assert ("drsn/+/+/measurement", "physics.0.velocity_mm_s") in set(paths())
