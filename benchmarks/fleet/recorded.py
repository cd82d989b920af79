"""What a box publishes, recorded once: a simulated machine through the real agent."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from agent.inference import classifier, zoo
from agent.messages.records import Model, Observation, SourceInfo

MODEL = "bearing"
SCENARIO = [  # a machine that falls ill and is mended, so that its state changes
    {"duration_s": 6},
    {"duration_s": 8, "fault": "inner"},
    {"duration_s": 6},
    {"duration_s": 8, "fault": "outer"},
]


class Recorded(msgspec.Struct, frozen=True):
    """Changes of state in turn, each an event and its state, and who the source is."""

    changes: list[tuple[Observation, Observation]]
    source: SourceInfo


def record(folder: Path) -> Recorded:
    """Runs the agent on the scenario, with its decisions on standard output."""
    synth = {"name": "machine", "kind": "synth", "pace": "fast", "scenario": SCENARIO}
    source = synth | {"model": MODEL, "hop_s": 0.1, "unit": "m/s2", "measure_s": 0}
    config = folder / "record.json"
    config.write_text(json.dumps({"agent": {"id": "box", "sink": "stdout"}, "sources": [source]}))
    command = [
        sys.executable,
        "-m",
        "agent",
        "run",
        "--log-level",
        "WARNING",
        "--config",
        str(config),
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    records = [msgspec.json.decode(line, type=Observation) for line in done.stdout.splitlines()]
    return Recorded(list(zip(records[0::2], records[1::2], strict=True)), _source(records[0].model))


def _source(model: Model) -> SourceInfo:
    contract = classifier.load(zoo.find(MODEL)).contract
    return SourceInfo(
        name="machine",
        kind="synth",
        hop_s=0.1,
        window_s=contract.window / contract.rate_hz,
        rate_hz=contract.rate_hz,
        unit="m/s2",
        labels=contract.labels,
        normal=contract.normal,
        model=model,
    )
