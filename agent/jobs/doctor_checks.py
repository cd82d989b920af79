"""Checks everything that an agent needs on this machine, and says what to do.

It changes nothing, opens no source that a running agent has, and connects under its own client id.
(`--bench` is `agent.jobs.variant_benchmark`, which stores its result.)
"""

import os
import pwd
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.acquisition import timestamps
from agent.config import advice, load
from agent.config.load import Config
from agent.config.source import SourceSettings
from agent.control.rollout import status
from agent.core import state_directory
from agent.core.errors import UserError
from agent.core.types import Window
from agent.jobs import broker_probe, doctor_files
from agent.jobs.finding import Finding
from agent.pipeline import build
from agent.pipeline.source_pipeline import SourcePipeline

LISTEN_S = 3.0  # at least: until a source has delivered a window
REFUSED_S = 1.0  # for a source of which all is refused
RATE_S = 8.0  # at most, until the rate of a live source is measured
USER = "drsn-agent"  # of the service


def examine(file: Path) -> Iterator[Finding]:
    """Checks this machine against the configuration in that file."""
    try:
        config = load.load(file)
    except UserError as error:
        yield Finding("configuration", "wrong", str(error))
        return
    yield Finding("configuration", "ok", f"{file}, {len(config.sources)} source(s)")
    yield from (Finding("configuration", "note", note) for note in advice.notes(config))
    yield from doctor_files.examine(config)
    folder = Path(config.agent.state_dir)
    if refusal := _refusal(folder):
        yield Finding("state directory", "wrong", f"{folder}: {refusal}: run as its owner, or root")
        yield from (_clock(), _broker(config))
        return
    running = config.agent.sink != "stdout" and state_directory.in_use(folder)
    yield _state(folder, running) if config.agent.sink != "stdout" else _stdout("state directory")
    yield _disk(folder, config.outbox.max_mib)
    for source in config.sources:
        yield _source(config, source, running)
    for name in dict.fromkeys(source.common.model for source in config.sources):
        if (rollout := status.describe_rollout(folder, name)) is not None:
            yield Finding(f"model {name}", "ok", rollout)
    yield _clock()
    yield _broker(config) if config.agent.sink != "stdout" else _stdout("broker")


def _stdout(what: str) -> Finding:
    return Finding(what, "ok", "not needed (agent.sink: stdout)")


def _refusal(folder: Path) -> str | None:
    """Why this user may not look into the folder; None where he may, or where there is none."""
    try:
        (folder / "lock").exists()
    except OSError as error:
        return error.strerror
    return None


def _state(folder: Path, running: bool) -> Finding:
    what = "state directory"
    if running:
        return Finding(what, "ok", f"{folder}, an agent is running there")
    if not folder.exists():
        parent = next(path for path in folder.absolute().parents if path.exists())
        if os.access(parent, os.W_OK):
            return Finding(what, "note", f"{folder} does not exist yet: the agent will create it")
        return Finding(what, "wrong", f"{folder} does not exist, and {parent} is not writable")
    foreign = [path for path in (folder, *folder.iterdir()) if _foreign(path)]
    if foreign:
        owner = f"chown -R {USER}: {folder}"
        return Finding(what, "wrong", f"{foreign[0]} does not belong to the service: {owner}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(what, "wrong", f"{folder} is not writable: run as its owner, or chown it")
    return Finding(what, "ok", str(folder))


def _foreign(path: Path) -> bool:
    """Whether another user than the service's owns it; looked at by root alone, who can mend it."""
    try:
        return os.geteuid() == 0 and path.lstat().st_uid != pwd.getpwnam(USER).pw_uid
    except KeyError:
        return False


def _disk(folder: Path, needed_mib: float) -> Finding:
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free_mib = shutil.disk_usage(parent).free / 2**20
    free = f"{free_mib:,.0f} MiB free in {parent}"
    if free_mib < needed_mib:
        todo = "free some, or lower outbox.max_mib"
        return Finding("disk", "wrong", f"{free}, the outbox may take {needed_mib:g}: {todo}")
    return Finding("disk", "ok", f"{free}, the outbox takes at most {needed_mib:g}")


def _clock() -> Finding:
    state = timestamps.synchronised()
    if state:
        return Finding("clock", "ok", "synchronised")
    why = "the system does not say whether it is" if state is None else "not"
    todo = "times in messages may be wrong: timedatectl set-ntp true, or chrony"
    return Finding("clock", "note", f"{why} synchronised: {todo}")


def _source(config: Config, source: SourceSettings, running: bool) -> Finding:
    what = f"source {source.common.name}"
    if running:
        return Finding(what, "ok", "not opened while an agent is running: see its health messages")
    only = Config(agent=config.agent, sources=(source,))
    try:
        (pipeline,) = build.build_pipelines(only)
    except UserError as error:
        return Finding(what, "wrong", str(error))
    if pipeline.reader.fault is not None:
        return Finding(
            what, "wrong", f"{pipeline.reader.fault}: is it plugged in, and not in use elsewhere?"
        )
    return _read_window(what, pipeline)


def _read_window(what: str, pipeline: SourcePipeline) -> Finding:
    """Reads until there is a window, and checks its flags."""
    thread = threading.Thread(target=pipeline.reader.run, args=(pipeline.stopping,), daemon=True)
    thread.start()
    began_s = time.monotonic()
    windows = list(pipeline.scorer.windower.due(1))
    while not (windows or pipeline.drained or _is_over(pipeline, time.monotonic() - began_s)):
        time.sleep(0.05)
        windows = list(pipeline.scorer.windower.due(1))
    listened_s = time.monotonic() - began_s
    if windows:
        _await_rate(pipeline)
    pipeline.stopping.set()
    pipeline.ring.close()
    thread.join(LISTEN_S)
    return _finding(what, pipeline, windows, listened_s)


def _is_over(pipeline: SourcePipeline, listened_s: float) -> bool:
    """Whether it is no use to wait longer for a window."""
    if pipeline.reader.refusal is not None and not pipeline.reader.samples:
        return listened_s > REFUSED_S
    contract = pipeline.origin.contract
    return listened_s > LISTEN_S + contract.window / contract.rate_hz


def _finding(
    what: str, pipeline: SourcePipeline, windows: Sequence[Window], listened_s: float
) -> Finding:
    window_s = pipeline.origin.contract.window / pipeline.origin.contract.rate_hz
    if not windows:
        frames = f"{pipeline.reader.samples} frames in {listened_s:.1f} s"
        if pipeline.reader.refusal is not None:
            return Finding(what, "wrong", f"{frames}: {pipeline.reader.refusal}")
        return Finding(what, "wrong", f"{frames}, and a window needs {window_s:.2f} s: is it on?")
    if pipeline.lost_baseline is not None or pipeline.reader.status() in ("slow", "fast"):
        return Finding(what, "wrong", pipeline.describe())
    if flags := windows[0].flags:
        todo = "check the sensor, its cable, its gain"
        return Finding(what, "wrong", f"delivers, and the signal is {' and '.join(flags)}: {todo}")
    doubts = (pipeline.reader.rate_note, pipeline.reader.stuck_bit)
    noteworthy = pipeline.speed_missing or any(doubt is not None for doubt in doubts)
    return Finding(what, "note" if noteworthy else "ok", pipeline.describe())


def _await_rate(pipeline: SourcePipeline) -> None:
    """Waits until it is known how many frames a second a live source delivers."""
    clock, until_s = pipeline.reader.sample_clock, time.monotonic() + RATE_S
    while clock is not None and not clock.meter.settled and time.monotonic() < until_s:
        if pipeline.drained:
            return
        list(pipeline.scorer.windower.due(16))  # a pipe would be kept waiting
        time.sleep(0.1)


def _broker(config: Config) -> Finding:
    where = f"{config.mqtt.host}:{config.mqtt.port}"
    outcome = broker_probe.probe(config)
    if outcome.why is not None:
        return Finding("broker", "wrong", f"{where}: {outcome.why}")
    secured = "TLS" if config.mqtt.tls is not None else "no TLS"
    name = config.mqtt.username or "no user name"
    how = f"MQTT {outcome.terms.settings.version}, {secured}, {name}"
    lacks = [] if outcome.terms.retain else ["retains nothing"]
    lacks += [] if outcome.terms.qos else ["has QoS 0 alone"]
    but = f"; it {' and '.join(lacks)}: see docs/BROKERS.md" if lacks else ""
    return Finding(
        "broker",
        "note" if lacks else "ok",
        f"{where} accepts a connection and a message ({how}){but}",
    )
