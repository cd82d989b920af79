"""Looks at everything that a box needs, and says of each what to do.

It changes nothing, opens no source that a running agent has, and connects under a name of its own.
(`--bench` is `agent.jobs.variant_benchmark`, and keeps what it finds.)
"""

import os
import pwd
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.acquisition import timestamps
from agent.config import load
from agent.config.load import Config
from agent.config.source import SourceSettings
from agent.control.rollout import status
from agent.core import state_directory
from agent.core.errors import ConfigError
from agent.jobs import broker_probe
from agent.pipeline import build
from agent.pipeline.source_pipeline import SourcePipeline

LISTEN_S = 3.0  # at least: until a source has delivered a window
USER = "drsn-agent"  # of the service


@dataclass(frozen=True)
class Finding:
    """One line. A `note` is worth knowing and no reason to call the box broken."""

    what: str
    state: Literal["ok", "note", "wrong"]
    told: str

    def __str__(self) -> str:
        return f"{self.state:5}  {self.what}: {self.told}"


def examine(file: Path) -> Iterator[Finding]:
    """What there is to say of that configuration on this machine."""
    try:
        chosen = load.load(file)
    except ConfigError as error:
        yield Finding("configuration", "wrong", str(error))
        return
    yield Finding("configuration", "ok", f"{file}, {len(chosen.sources)} source(s)")
    yield from _files(chosen)
    folder = Path(chosen.agent.state_dir)
    running = chosen.agent.sink != "stdout" and state_directory.in_use(folder)
    yield _state(folder, running) if chosen.agent.sink != "stdout" else _stdout("state directory")
    yield _disk(folder, chosen.outbox.max_mib)
    for source in chosen.sources:
        yield _source(chosen, source, running)
    for name in dict.fromkeys(source.common.model for source in chosen.sources):
        if (told := status.describe_rollout(folder, name)) is not None:
            yield Finding(f"model {name}", "ok", told)
    yield _clock()
    yield _broker(chosen) if chosen.agent.sink != "stdout" else _stdout("broker")


def _stdout(what: str) -> Finding:
    return Finding(what, "ok", "not needed (agent.sink: stdout)")


def _files(chosen: Config) -> Iterator[Finding]:
    """Secrets that others than their owner can read."""
    named = {"mqtt.password_file": chosen.mqtt.password_file}
    if chosen.mqtt.tls is not None:
        named["mqtt.tls.key_file"] = chosen.mqtt.tls.key_file
    for key, file in named.items():
        if file is None:
            continue
        mode = stat.S_IMODE(Path(file).stat().st_mode)
        if mode & 0o007:
            yield Finding(key, "wrong", f"everybody may use {file}: chmod 0600 {file}")
        else:
            yield Finding(key, "ok", f"{file}, mode {mode:04o}")


def _state(folder: Path, running: bool) -> Finding:
    what = "state directory"
    if running:
        return Finding(what, "ok", f"{folder}, an agent is at work there")
    if not folder.exists():
        above = next(each for each in folder.absolute().parents if each.exists())
        if os.access(above, os.W_OK):
            return Finding(what, "note", f"{folder} is not there yet: the agent will make it")
        return Finding(what, "wrong", f"{folder} is not there, and {above} may not be written")
    foreign = [each for each in (folder, *folder.iterdir()) if _foreign(each)]
    if foreign:
        owner = f"chown -R {USER}: {folder}"
        return Finding(what, "wrong", f"{foreign[0]} is not the service's: {owner}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(what, "wrong", f"{folder} may not be written: run as its owner, or chown it")
    return Finding(what, "ok", str(folder))


def _foreign(path: Path) -> bool:
    """Of another than the service's user, where there is one; only root is in place to mend it."""
    try:
        return os.geteuid() == 0 and path.stat().st_uid != pwd.getpwnam(USER).pw_uid
    except KeyError:
        return False


def _disk(folder: Path, needed_mib: float) -> Finding:
    above = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free_mib = shutil.disk_usage(above).free / 2**20
    told = f"{free_mib:,.0f} MiB free in {above}"
    if free_mib < needed_mib:
        todo = "free some, or lower outbox.max_mib"
        return Finding("disk", "wrong", f"{told}, the outbox may take {needed_mib:g}: {todo}")
    return Finding("disk", "ok", f"{told}, the outbox takes at most {needed_mib:g}")


def _clock() -> Finding:
    state = timestamps.synchronised()
    if state:
        return Finding("clock", "ok", "synchronised")
    why = "nobody says whether it is" if state is None else "not"
    todo = "times in messages may be wrong: timedatectl set-ntp true, or chrony"
    return Finding("clock", "note", f"{why} synchronised: {todo}")


def _source(chosen: Config, source: SourceSettings, running: bool) -> Finding:
    what = f"source {source.common.name}"
    if running:
        return Finding(what, "ok", "not touched while an agent is at work: see its health messages")
    alone = Config(agent=chosen.agent, sources=(source,))
    try:
        (pipeline,) = build.build_pipelines(alone)
    except ConfigError as error:
        return Finding(what, "wrong", str(error))
    if pipeline.reader.fault is not None:
        return Finding(
            what, "wrong", f"{pipeline.reader.fault}: is it plugged in, in nobody's use?"
        )
    return _listened(what, pipeline)


def _listened(what: str, pipeline: SourcePipeline) -> Finding:
    """Reads until there is a window, and looks at that."""
    thread = threading.Thread(target=pipeline.reader.run, args=(pipeline.stopping,), daemon=True)
    thread.start()
    window_s = pipeline.origin.contract.window / pipeline.origin.contract.rate_hz
    until_s = time.monotonic() + LISTEN_S + window_s
    windows = list(pipeline.scorer.windower.due(1))
    while not (windows or pipeline.drained) and time.monotonic() < until_s:
        time.sleep(0.05)
        windows = list(pipeline.scorer.windower.due(1))
    pipeline.stopping.set()
    pipeline.ring.close()
    thread.join(LISTEN_S)
    if not windows:
        came = f"{pipeline.reader.samples} frames in {LISTEN_S + window_s:.1f} s"
        return Finding(what, "wrong", f"{came}, and a window needs {window_s:.2f} s: is it on?")
    if flags := windows[0].flags:
        todo = "look at the sensor, its cable, its gain"
        return Finding(what, "wrong", f"delivers, and the signal is {' and '.join(flags)}: {todo}")
    return Finding(what, "note" if pipeline.speed_missing else "ok", pipeline.describe())


def _broker(chosen: Config) -> Finding:
    where = f"{chosen.mqtt.host}:{chosen.mqtt.port}"
    wrong = broker_probe.trouble(chosen)
    if wrong is not None:
        return Finding("broker", "wrong", f"{where}: {wrong}")
    secured = "TLS" if chosen.mqtt.tls is not None else "no TLS"
    name = chosen.mqtt.username or "no user name"
    told = f"{where} lets us in and takes a message (MQTT {chosen.mqtt.version}, {secured}, {name})"
    return Finding("broker", "ok", told)
