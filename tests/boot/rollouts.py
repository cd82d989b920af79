"""A roll-out under the unit's restrictions: a download and a model under trial are processes."""

import hashlib
import json
import tempfile
from pathlib import Path

from tests.support import bundles, hostile_models

from .box import UNIT, Check, gapless, prop, received
from .conditions import SECRETS, Tree
from .machine import Machine

SEEN = 1.05  # some windows of the source reach it, those of the first trial do not
HOP = 100  # frames
MOST_EXPOSURE = 1.5  # of systemd-analyze; of 10, less is better
CONFIG: Tree = {
    "agent": {"id": "press-04", "health_s": 1},
    "mqtt": {"username": "press-04", "password_file": f"{SECRETS}/mqtt-password"},
    "rollout": {
        "keys": [f"{SECRETS}/release.pub.pem"],
        "from": "http://127.0.0.1:8000/",
        "shadow_s": 3,
        "shadow_windows": 10,
        "probation_s": 3,
    },
    "sources": [
        {
            "name": "tried",
            "kind": "synth",
            "model": "tiny",
            "rate_hz": 1000,
            "repeat": True,
            "publish_windows": True,
        }
    ],
}


def rolled_out(box: Machine) -> list[Check]:
    """A model that is announced is downloaded, tried in its own process, and kept."""
    _prepare(box)
    box.show("drsn-agent install --config /etc/drsn-agent/config.yaml /srv/models/tiny-1.drsn")
    box.ask(f"systemctl start {UNIT}")
    box.until(lambda: _models(box)[-1:] == ["1"], 30)
    _announce(box, "2")
    processes = set()

    def kept() -> bool:
        processes.update(_children(box))
        return any(report["present"]["version"] == "2" for report in _reports(box, "kept"))

    took_s = box.until(kept, 120)
    box.until(lambda: _models(box)[-1] == "2", 30)
    _show(box)
    return [
        Check("processes of their own, download and trial", len(processes), len(processes) >= 2),
        Check("kept after", f"{took_s:.1f} s", True),
        *_undisturbed(box),
    ]


def ended(box: Machine) -> list[Check]:
    """A candidate that hangs and one that eats memory are ended; the agent goes on."""
    checks = []
    for version, why in (("3", "took longer than 5 s"), ("4", "alloc")):
        before = len(_reports(box, "refused"))
        _announce(box, version)
        box.until(lambda: len(_reports(box, "refused")) > before, 120)  # noqa: B023
        reason = str(_reports(box, "refused")[-1]["why"])
        checks.append(Check(f"version {version} refused", reason, why in reason))
        gone_s = box.until(lambda: not _children(box), 20)
        checks.append(Check("its process is gone after", f"{gone_s:.1f} s", True))
    _show(box)
    return [*checks, *_undisturbed(box)]


def exposure(box: Machine) -> list[Check]:
    """What the unit may do, as systemd sees it."""
    line = box.show(f"systemd-analyze security --no-pager {UNIT} | tail -1")
    box.ask(f"systemctl stop {UNIT} models")
    level = float(line.partition(": ")[2].split()[0])
    return [Check("exposure", f"{level} of 10, at most {MOST_EXPOSURE}", level <= MOST_EXPOSURE)]


def _prepare(box: Machine) -> None:
    """Signed bundles on a server of the box, and the key that the agent trusts."""
    served = box.root / "srv/models"
    served.mkdir()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = [bundles.bundle(folder, version) for version in ("1", "2")]
        made.append(hostile_models.bundle(folder, "3", "hangs", SEEN))
        made.append(hostile_models.bundle(folder, "4", "eats memory", SEEN))
        for file in made:
            (served / file.name).write_bytes(file.read_bytes())
        public = bundles.key(folder).with_suffix(".pub.pem")
        (box.root / f"{SECRETS[1:]}/release.pub.pem").write_bytes(public.read_bytes())
    box.ask(f"systemctl stop {UNIT}")
    (box.root / "etc/drsn-agent/config.yaml").write_text(json.dumps(CONFIG))
    server = "python3 -m http.server --bind 127.0.0.1 --directory /srv/models 8000"
    box.ask(f"systemd-run -q --collect --unit=models {server}")


def _announce(box: Machine, version: str) -> None:
    file = f"tiny-{version}.drsn"
    bundle = (box.root / "srv/models" / file).read_bytes()
    announcement = {
        "name": "tiny",
        "version": version,
        "sha256": hashlib.sha256(bundle).hexdigest(),
        "size": len(bundle),
        "url": file,
    }
    who = "mosquitto_pub -h 127.0.0.1 -u press-04 -P only-root-knows -r -q 1"
    topic = "drsn/press-04/models/tiny/announce"
    box.show(f"{who} -t {topic} -m '{json.dumps(announcement)}'")


def _show(box: Machine) -> None:
    box.show(f"journalctl -q -o cat -u {UNIT} --since -2min | grep -E 'rollout|tiny' | tail -6")


def _reports(box: Machine, state: str) -> list[Tree]:
    """What the agent has published of roll-outs in that state."""
    reports = [record for topic, record in received(box) if topic.endswith("/rollout")]
    return [report for report in reports if report["state"] == state]


def _windows(box: Machine) -> list[Tree]:
    return [record for topic, record in received(box) if topic.endswith("/tried/window")]


def _models(box: Machine) -> list[str]:
    return [record["model"]["version"] for record in _windows(box)]


def _children(box: Machine) -> list[str]:
    main = prop(box, "MainPID")
    return box.ask(f"cat /proc/{main}/task/*/children").split()


def _undisturbed(box: Machine) -> list[Check]:
    """The same process, and every window of the source."""
    firsts = [record["first_sample"] for record in _windows(box)]
    restarts = prop(box, "NRestarts")
    return [
        Check("restarts of the agent", restarts, restarts == "0"),
        Check("windows, none left out", len(firsts), gapless(firsts, HOP)),
    ]
