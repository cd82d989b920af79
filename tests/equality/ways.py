"""The ways in which recordings become records: live, replayed, and out of an archive."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from tests.conftest import Broker, Subscriber, eventually

START = "2026-01-31T12:00:00Z"
COMMAND = (sys.executable, "-m", "agent")
OPEN_BROKER = "allow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"
Record = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """How each recording is scored; `machine` are more keys of the source, which replay lacks."""

    model: str
    hop_s: float = 0.1
    channels: tuple[int, ...] = (0,)
    machine: dict[str, Any] = field(default_factory=dict)
    baseline: Path | None = None  # of the first source

    def tree(self, recordings: Sequence[Path], pace: str, folder: Path, port: int) -> Record:
        """A configuration with a source for each of the recordings: s0, s1, ..."""
        common = {"kind": "file", "pace": pace, "start": START, "publish_windows": True}
        common |= {"model": self.model, "hop_s": self.hop_s, "channels": list(self.channels)}
        sources = [
            {"name": f"s{at}", "path": str(path)} | common | self.machine
            for at, path in enumerate(recordings)
        ]
        state_dir = folder / "state"
        if self.baseline is not None:
            state_dir.mkdir(exist_ok=True)
            shutil.copy(self.baseline, state_dir / "baseline-s0.json")
        agent = {"id": "press-04", "state_dir": str(state_dir)}
        return {"agent": agent, "mqtt": {"port": port}, "sources": sources}


@dataclass(frozen=True)
class Records:
    """What was said of one recording, in order."""

    windows: list[Record]
    events: list[Record]


def live(
    setting: Setting, recordings: Sequence[Path], folder: Path, pace: str = "fast"
) -> list[Records]:
    """By the real daemon, all recordings at once, through a real broker."""
    own = Path(tempfile.mkdtemp(dir=folder))  # its state is nobody else's
    broker = Broker(own, extra=OPEN_BROKER).start()
    subscriber = Subscriber(broker.port)
    try:
        tree = setting.tree(recordings, pace, own, broker.port)
        config = own / "live.yaml"
        config.write_text(yaml.safe_dump(tree))
        run("run", "--config", str(config))
        eventually(lambda: "offline" in subscriber.status(), 60, "status offline")
        said = [heard.record for heard in subscriber.received if heard.last in ("window", "event")]
        states = [heard.record for heard in subscriber.received if heard.last == "state"]
    finally:
        subscriber.close()
        broker.stop()
    assert _untopical(states) == _untopical(each for each in said if "event" in each["schema"])
    names = [source["name"] for source in tree["sources"]]
    return [_records(each for each in said if each["source"] == name) for name in names]


def replayed(setting: Setting, recording: Path) -> Records:
    """By `replay`, on standard output."""
    assert not setting.machine
    out = run("replay", str(recording), "--start", START, *_options(setting))
    return _records(json.loads(each) for each in out.splitlines())


def archived(
    setting: Setting, recordings: Sequence[Path], folder: Path, *engine: str
) -> list[Records]:
    """By `score` with the configuration of a live source; `engine`: options of the command."""
    config, out = folder / "archive.yaml", folder / f"out-{len(list(folder.glob('out-*')))}"
    config.write_text(yaml.safe_dump(setting.tree(recordings[:1], "realtime", folder, 1883)))
    source = ("--config", str(config), "--source", "s0")
    run("score", *map(str, recordings), "--out", str(out), "--start", START, *source, *engine)
    return [read(out, recording) for recording in recordings]


def read(out: Path, recording: Path) -> Records:
    """What an archive's folder says of that recording, as MQTT would."""
    return Records(*(_rows(out / folder, recording) for folder in ("windows", "events")))


def _rows(folder: Path, recording: Path) -> list[Record]:
    chosen = [("recording", "=", os.path.abspath(recording))]  # noqa: PTH100 - no link followed
    rows = pq.read_table(folder, filters=chosen).to_pylist(maps_as_pydicts="strict")
    return [{name: value for name, value in row.items() if name != "recording"} for row in rows]


def run(*arguments: str) -> bytes:
    """What the command prints; its complaint where it fails."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _options(setting: Setting) -> list[str]:
    channels = [str(each) for each in setting.channels]
    return ["--model", setting.model, "--hop-s", str(setting.hop_s), "--channels", *channels]


def _records(lines: Iterable[Record]) -> Records:
    """Once each: a broker may deliver twice."""
    once = {record["seq"]: record for record in lines}.values()
    by_schema = {
        schema: list(records)
        for schema, records in itertools.groupby(
            sorted(once, key=lambda record: str(record["schema"])), lambda each: each["schema"]
        )
    }
    return Records(by_schema.get("drsn-window/1", []), by_schema.get("drsn-event/1", []))


def _untopical(records: Iterable[Record]) -> list[Record]:
    """What a state and its event have in common, in one order for all."""
    own = ("schema", "seq", "t_published")
    bare = [{k: v for k, v in record.items() if k not in own} for record in records]
    return sorted(bare, key=lambda record: (record["source"], record["first_sample"]))
