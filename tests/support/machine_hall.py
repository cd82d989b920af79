"""An agent with a page and a past: two simulated machines, one of them commissioned, and a sensor
that is not there.

The past is of the last year by the day, of its last month by the hour and of the last day by five
minutes: a machine that wears, and the events of it. The agent's own parts write it beforehand.
"""

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml

from agent.config import load
from agent.core.time import iso
from agent.core.types import Mark, Window
from agent.delivery.journal import journal_file
from agent.delivery.journal.events import JournalEvent
from agent.delivery.journal.journal import Journal
from agent.delivery.trends import recorder
from agent.delivery.trends.levels import Summary
from agent.delivery.trends.trend_file import Key, TrendFile
from agent.diagnosis.baseline import file as baseline_file
from agent.diagnosis.baseline.fit import fit
from agent.diagnosis.baseline.healthy_signal import HealthySignal
from agent.inference import classifier, zoo
from agent.pipeline import build
from agent.sources.machine_simulator import Machine, Spec
from tests.conftest import eventually, free_port
from tests.support.page_client import get, listens

WORN, HEALTHY, AWAY = "fan-drive", "pump-north", "mixer"
HOUR_S, DAY_S = 3600, 86400
DAYS, HOURLY_DAYS = 365, 32
EVENTS = ((200, "unknown", None), (120, "normal", None), (60, "fault", "outer"))  # hours ago


class Hall(msgspec.Struct, frozen=True):
    """An agent that runs."""

    port: int
    state_dir: Path
    process: subprocess.Popen[bytes]


@contextmanager
def running(folder: Path, **sources: Any) -> Iterator[Hall]:
    """`sources` changes keys of both machines."""
    port = free_port()
    tree = settings(folder / "state", port, **sources)
    (folder / "state").mkdir()
    write_past(folder / "state")
    commission(tree, WORN)
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(tree))
    with (folder / "agent.log").open("wb") as log:
        command = [sys.executable, "-m", "agent", "run", "--config", str(config)]
        process = subprocess.Popen(command, stderr=log)
    try:
        eventually(lambda: listens(port), 20, "the page listens")
        eventually(
            lambda: all(card["measured"] for card in get(port, "/api/overview")["sources"][:2]),
            30,
            "both machines are measured",
        )
        yield Hall(port, folder / "state", process)
    finally:
        process.terminate()
        process.wait(20)


def settings(state_dir: Path, port: int, **sources: Any) -> dict[str, Any]:
    """No broker listens there: the page does not need one."""
    machines = [_source(WORN, "outer", 1) | sources, _source(HEALTHY, "normal", 2) | sources]
    fifo = {"kind": "stream", "url": str(state_dir / "none"), "rate_hz": 10_000}
    return {
        "agent": {"id": "hall-3", "state_dir": str(state_dir)},
        "mqtt": {"host": "127.0.0.1", "port": free_port()},
        "page": {"port": port},
        "sources": [*machines, {"name": AWAY, "model": "bearing"} | fifo],
    }


def _source(name: str, fault: str, seed: int) -> dict[str, Any]:
    phase = {"duration_s": 3600, "fault": fault, "severity": [0.6, 0.6], "snr_db": [15, 15]}
    return {
        "name": name,
        "kind": "synth",
        "model": "bearing",
        "hop_s": 0.2,
        "measure_s": 1,
        "unit": "m/s2",
        "machine_class": "group2-rigid",
        "rpm": Spec().rpm,
        "bearing": msgspec.to_builtins(Spec().bearing.orders),
        "seed": seed,
        "scenario": [phase],
    }


def write_past(state_dir: Path) -> None:
    """Trends and events of both machines."""
    now_s = int(time.time()) // HOUR_S * HOUR_S
    file = TrendFile(state_dir / recorder.FILE, 128 << 20)
    journal = Journal(state_dir / journal_file.FILE, 16 << 20)
    for name in (WORN, HEALTHY):
        moments = (
            *range(now_s - DAYS * DAY_S, now_s - HOURLY_DAYS * DAY_S, DAY_S),
            *range(now_s - HOURLY_DAYS * DAY_S, now_s - DAY_S, HOUR_S),
            *range(now_s - DAY_S, now_s, 300),
        )
        ages_h = {start_s: math.ceil((now_s - start_s) / HOUR_S) for start_s in moments}
        file.write({Key(at, name, "m/s2", 0): _summary(name, age) for at, age in ages_h.items()})
    for hours, decision, fault in EVENTS:
        journal.add(
            JournalEvent(
                id=0,
                t=iso(now_s - hours * HOUR_S),
                source=WORN,
                kind="decision",
                decision=decision,
                fault=fault,
                sentence="Simulated.",
            )
        )
    file.close()
    journal.close()


def _summary(name: str, hours: int) -> Summary:
    """Of an hour that ended so many hours ago."""
    wear = max(0.0, 1 - hours / (30 * 24)) ** 2 if name == WORN else 0.0
    level = 1.2 * (1 + wear) + 0.1 * math.sin(2 * math.pi * hours / 24)
    decision = "fault" if name == WORN and hours <= EVENTS[-1][0] else "normal"
    summary = Summary()
    for share in (-1, 0, 1):
        velocity = level + 0.15 * share * (1 + wear)
        values: dict[str, float | None] = {
            "velocity_mm_s": velocity,
            "rms": velocity / 2,
            "kurtosis": 3.0,
            "rpm": 1797.0,
        }
        summary.add(decision, values | {"anomaly_slow": 0.4 + wear, "bpfo_db": 4 + 8 * wear})
    return summary


def commission(tree: dict[str, Any], name: str, windows: int = 400) -> None:
    """A baseline of the healthy machine, provisional since it is of little signal."""
    config = load.parse(tree)
    source = next(item for item in config.sources if item.common.name == name)
    contract = classifier.load(zoo.find("bearing")).contract
    rng = np.random.default_rng(3)
    machine, signal = Machine(Spec(), rng), HealthySignal()
    for at in range(windows):
        clean = machine.render(contract.window, "normal", 0.0)
        noise = clean.std() * 10 ** (-15 / 20) * rng.standard_normal(contract.window)
        samples = (clean + noise).astype(np.float32)[None]
        window = Window(at * contract.window, samples, 0, Mark(0), 0.0)
        signal.take(window, contract.window, Spec().rpm, None)
    baseline = fit(signal, build.frame(source, contract), 1.0, speed_known=True)
    baseline = msgspec.structs.replace(baseline, source=name, made=iso(time.time()))
    baseline_file.save(baseline, Path(config.agent.state_dir))
