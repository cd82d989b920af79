"""mosquitto_sub as an independent client: every message with its properties, as JSON lines."""

import json
import subprocess
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import eventually


@dataclass
class Listening:
    """Hears what the broker on `port` forwards; over MQTT 5, with retained as it was published."""

    port: int
    topic: str = "drsn/#"
    host: str = "127.0.0.1"
    extra: tuple[object, ...] = ()
    received: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> "Listening":
        # Line by line: it says that it is subscribed, and then may have nothing to say for long.
        command = [
            "stdbuf",
            "-oL",
            "mosquitto_sub",
            "-h",
            self.host,
            "-p",
            str(self.port),
            "-V",
            "mqttv5",
        ]
        command += ["-q", "1", "-t", self.topic, "-d"]
        command += ["--retain-as-published", "-F", "%j", *map(str, self.extra)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._subscribed = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._subscribed.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def of(self, last: str) -> list[dict[str, Any]]:
        """The payloads, decoded, of one last topic level."""
        return [json.loads(each["payload"]) for each in self.packets(last)]

    def packets(self, last: str) -> list[dict[str, Any]]:
        found = list(self.received)
        return [each for each in found if each["topic"].rpartition("/")[2] == last]

    def until(self, last: str, count: int = 1, within_s: float = 20) -> None:
        eventually(lambda: len(self.packets(last)) >= count, within_s, f"{count} x {last}")

    def until_offline(self) -> None:
        def offline() -> bool:
            return [each["payload"] for each in self.packets("status")][-1:] == ["offline"]

        eventually(offline, 10, "status offline")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"{"):
                self.received.append(json.loads(line))
            elif line.startswith(b"Subscribed"):
                self._subscribed.set()
