"""A microphone that is pulled out and put back, again and again."""

import functools
import os
import time
from pathlib import Path

import numpy as np
import soundfile

from tests.support.soundcard import MISSING, SoundCard

from .listener import Listener, Received
from .outcome import Check, Skip, at_most, injection, none
from .world import RATE_HZ, Running, World, seconds_until

MIC_HZ = 16_000
OUT_S = 1.5  # how long it stays out, at least


@injection(
    "microphone pulled out and put back, 20 times (a null sink of pulseaudio)",
    "`sensor_fault` within 3 s, recovered within 5 s, threads and descriptors constant, each gap "
    "in the messages",
)
def unplugged(world: World) -> list[Check]:
    if MISSING:
        raise Skip(f"needs {', '.join(MISSING)}")
    card = SoundCard(world.folder / "home", vmic=(MIC_HZ, 1))
    world.stack.callback(card.close)
    card.play("vmic", noise := _noise(world.folder))
    broker = world.broker()
    listener = world.listen(broker.port)
    microphone = {"name": "sensor", "model": str(world.model), "publish_windows": True}
    microphone |= {"kind": "mic", "device": "vmic", "rate_hz": MIC_HZ}
    trends = {"enabled": False}  # its file is opened after a minute
    tree = world.tree(broker.port, microphone, world.live(20), trends=trends)
    agent = world.start(tree, environment=card.environment)
    seconds_until(lambda: _clean(listener, 0.0), 20)
    time.sleep(2.0)  # until everything that is opened once is open
    before = _resources(agent)
    told_s, recovered_s, without_gap, changed = [], [], 0, 0
    for _ in range(world.size(20, 2)):
        out_s, last = time.monotonic(), listener.windows("sensor")[-1]
        card.unplug("vmic")
        told_s.append(seconds_until(functools.partial(_told, listener, out_s), 20))
        time.sleep(max(0.0, out_s + OUT_S - time.monotonic()))
        back_s = time.monotonic()
        card.plug("vmic")
        card.play("vmic", noise)
        recovered_s.append(seconds_until(functools.partial(_well, listener, back_s), 30))
        without_gap += not _gap(listener, last, back_s - out_s)
        changed += seconds_until(lambda: _resources(agent) == before, 10) > 10
    stopped_s = agent.stopped_after_s()
    lost = [w for w in listener.windows("live") if w.decision == "sensor_fault"]
    return [
        Check("times", len(recovered_s)),
        at_most("told after", max(told_s), 3.0, " s"),
        at_most("recovered after", max(recovered_s), 5.0, " s"),
        Check("on average after s", float(np.mean(recovered_s))),
        none("without a gap in the messages", without_gap),
        none(f"with other threads and descriptors than {before}", changed),
        none("faults of the other source", len(lost)),
        at_most("stopped after", stopped_s, 5.0, " s"),
    ]


def _noise(folder: Path) -> Path:
    """What the tiny model calls normal."""
    path = folder / "noise.wav"
    samples = np.random.default_rng(0).standard_normal(600 * RATE_HZ) * 0.1
    soundfile.write(path, np.clip(samples, -0.999, 0.999), RATE_HZ, subtype="PCM_16")
    return path


def _told(listener: Listener, since_s: float) -> bool:
    states = listener.states("sensor")
    return any(s.decision == "sensor_fault" and s.received_s > since_s for s in states)


def _clean(listener: Listener, since_s: float) -> bool:
    """Whether a window has been judged that was taken since then."""
    windows = listener.windows("sensor")[-20:]
    return any(w.received_s > since_s and not w.flags for w in windows)


def _well(listener: Listener, since_s: float) -> bool:
    """Whether the source is judged again: before that, another fault is no news."""
    return _clean(listener, since_s) and listener.states("sensor")[-1].decision != "sensor_fault"


def _gap(listener: Listener, last: Received, out_s: float) -> bool:
    """Whether the index went on while it was out, and its windows say that something is missing."""
    since = [w for w in listener.windows("sensor") if w.first_sample > last.first_sample]
    clean = next(
        w.first_sample for w in since if not w.flags and w.received_s > last.received_s + out_s
    )
    told = any("gap" in w.flags for w in since)
    return told and clean - last.first_sample >= out_s * RATE_HZ


def _resources(agent: Running) -> tuple[int, int]:
    """Its threads and open files."""
    process = Path("/proc", str(agent.process.pid))
    threads, files = (len(os.listdir(process / each)) for each in ("task", "fd"))  # noqa: PTH208
    return threads, files
