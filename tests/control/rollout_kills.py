"""`python -m tests.control.rollout_kills [EVERY]`: a roll-out, killed before each of its steps.

After each kill the agent is started again. Windows must be classified by the old or the new
version from the first one on, and the roll-out must come to its end.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import Broker, Subscriber, eventually
from tests.support import bundles

KILL = Path(__file__).with_name("rollout_kill.py")


@dataclass
class Result:
    steps: int = 0
    kills: int = 0
    wrong: list[str] = field(default_factory=list)
    after: dict[str, int] = field(default_factory=dict)  # version of the first window after a kill


class Trial:
    """One box after the other, in a folder; one broker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Broker(folder).start()
        self.one, self.two = (bundles.bundle(folder, version) for version in "12")
        self.result = Result()

    def run(self, every: int) -> Result:
        self.result.steps = self._box(0)
        for step in range(1, self.result.steps + 1, every):
            self.result.kills += 1
            self._box(step)
        self.broker.stop()
        return self.result

    def _box(self, step: int) -> int:
        """The steps that were seen; 0 kills nothing."""
        name = f"box-{step}"
        config = self._config(name)
        for file in (self.one, self.two):
            done = bundles.agent("install", file, "--config", config)
            assert done.returncode == 0, done.stderr
        subscriber = Subscriber(self.broker.port, f"drsn/{name}/#")
        count = self.folder / f"{name}.steps"
        try:
            with self._agent(config, str(KILL), str(step), str(count)) as process:
                if step == 0:
                    self._kept(subscriber)
                    process.terminate()
                process.wait(30)
            count_before = len(subscriber.of("window"))
            if step:
                with self._agent(config, "-m", "agent") as process:
                    self._again(subscriber, count_before, step)
                    process.terminate()
                    process.wait(10)
        finally:
            subscriber.close()
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return count.stat().st_size

    def _again(self, subscriber: Subscriber, count: int, step: int) -> None:
        try:
            eventually(lambda: len(subscriber.of("window")) > count, 20, "windows again")
            version = subscriber.records("window")[count]["model"]["version"]
            self.result.after[version] = self.result.after.get(version, 0) + 1
            self._kept(subscriber)
        except BaseException as error:  # noqa: BLE001 - pytest's failures too: all are counted
            self.result.wrong.append(f"step {step}: {error}")

    def _kept(self, subscriber: Subscriber) -> None:
        def kept() -> bool:
            told = subscriber.records("rollout")
            return bool(told) and (told[-1]["state"], told[-1]["present"]["version"]) == (
                "kept",
                "2",
            )

        eventually(kept, 20, "the roll-out ends")

    def _config(self, name: str) -> Path:
        public = bundles.key(self.folder).with_suffix(".pub.pem")
        rollout: dict[str, Any] = {"keys": [str(public)], "shadow_s": 0.2, "shadow_windows": 5}
        rollout |= {"probation_s": 0.2}
        source = {"name": "s", "kind": "synth", "rate_hz": 1000, "repeat": True, "model": "tiny"}
        source |= {"hop_s": 0.01, "publish_windows": True}
        tree = {
            "agent": {"id": name, "state_dir": str(self.folder / name)},
            "mqtt": {"port": self.broker.port},
            "rollout": rollout,
            "sources": [source],
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(tree))
        return file

    def _agent(self, config: Path, *program: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, *program, "run", "--config", str(config)]
        with config.with_suffix(".log").open("ab") as log:
            return subprocess.Popen(command, stderr=log)


def trial(every: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="drsn-") as folder:
        return Trial(Path(folder)).run(every)


def main() -> int:
    began_s = time.monotonic()
    found = trial(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print(f"{found.kills} kills before {found.steps} steps, {len(found.wrong)} wrong")
    print(f"first window after a kill, by version: {json.dumps(found.after)}")
    print("\n".join(found.wrong) + f"{time.monotonic() - began_s:.0f} s")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
