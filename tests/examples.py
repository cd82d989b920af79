"""`python -m tests.examples`: puts a real example of every message in docs/MQTT.md.

An agent that goes through a scenario like the demo's, with a broker that comes late to a small
outbox, so that there is a gap; heard by mosquitto_sub. `--check` only validates what is there.
"""

import datetime
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from agent.inference import zoo
from agent.messages.topics import PUBLISHED, kind_of
from tests.conftest import Broker, eventually
from tests.support.listening import Listening
from tests.support.paths import DOCS

DOCUMENT = DOCS / "MQTT.md"
BEARING = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}
SCENARIO: list[dict[str, Any]] = [
    {"duration_s": 6.0, "snr_db": [5.0, 5.0]},
    {"duration_s": 6.0, "fault": "outer", "snr_db": [5.0, 5.0]},
]


def tree(folder: Path, port: int) -> dict[str, Any]:
    source: dict[str, Any] = {
        "name": "bearing-de",
        "kind": "synth",
        "pace": "realtime",
        "model": "bearing",
    }
    source |= {"rpm": 1797.0, "unit": "m/s2", "publish_windows": True, "scenario": SCENARIO}
    source |= {"measure_s": 4.0}
    source |= {"bearing": BEARING, "machine_class": "group2-rigid"}
    return {
        "agent": {"id": "press-04", "state_dir": str(folder / "state"), "health_s": 1.0},
        "mqtt": {"port": port},
        "outbox": {"max_messages": 10},
        "alarms": {"delay_s": 1.0},
        "commands": {"allow": ["capture"]},
        "evidence": {"min_free_mib": 0.0},
        "rollout": {"shadow_s": 1.0, "shadow_windows": 5, "probation_s": 2.0},
        "sources": [source],
        "machines": [
            {"name": "press", "points": ["bearing-de"], "site": "plant 2", "area": "hall B"}
        ],
    }


def published() -> dict[str, dict[str, Any]]:
    """The last of each kind of message, by its last topic level, as mosquitto_sub tells it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        file, log = folder / "config.yaml", folder / "log"
        file.write_text(yaml.safe_dump(tree(folder, broker.port)))
        size = roll_out(folder, file)
        command = [sys.executable, "-m", "agent", "run", "--config", str(file)]
        with log.open("wb") as err:
            agent = subprocess.Popen(command, stderr=err)
        try:
            eventually(lambda: "over the limit" in log.read_text(), 30, "messages are dropped")
            broker.start()
            with Listening(broker.port) as listening:
                listening.until("window", 20)
                ask(broker.port)
                agent.wait(60)
                listening.until_offline()
        finally:
            agent.kill()
            broker.stop()
        last = {
            kind_of(each["topic"], each["payload"].encode()): each for each in listening.received
        }
        return last | {"bundle": {"size": size}}


def roll_out(folder: Path, config: Path) -> int:
    """The released network as a version 2, handed over; the bundle's size."""
    import onnx

    made = onnx.load(zoo.find("bearing"))
    for each in made.metadata_props:
        if each.key == "drsn":
            each.value = json.dumps(json.loads(each.value) | {"version": "2"})
    onnx.save(made, folder / "bearing.onnx")
    bundle = str(folder / "bearing-2.drsn")
    for arguments in (
        ("bundle", str(folder / "bearing.onnx"), "--out", bundle),
        ("install", bundle, "--config", str(config)),
    ):
        subprocess.run([sys.executable, "-m", "agent", *arguments], check=True, capture_output=True)
    return Path(bundle).stat().st_size


ANNOUNCED = """`drsn/press-04/models/bearing/announce`

```json
{
 "name": "bearing",
 "version": "2",
 "sha256": "%s",
 "size": %d,
 "url": "bearing-2.drsn"
}
```"""


def announced(status: dict[str, Any], size: int) -> str:
    """What would have the same bundle fetched."""
    told = json.loads(status["payload"])
    return ANNOUNCED % (told["present"]["bundle"], size)


def ask(port: int) -> None:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    command: dict[str, Any] = {"id": "7d2c", "expires": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
    command |= {"arguments": {"source": "bearing-de", "seconds": 3.0}}
    topic = "drsn/press-04/cmd/capture"
    line = ["mosquitto_pub", "-p", str(port), "-q", "1", "-t", topic, "-m", json.dumps(command)]
    subprocess.run(line, check=True)


def examples(text: str) -> Iterator[tuple[str, str]]:
    """The topic and payload of every example in the document."""
    yield from re.findall(r"^`(\S+)`[^\n]*\n\n```json\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def table() -> str:
    rows = ["| topic | QoS | retained | schema | when |", "|---|---|---|---|---|"]
    for each in PUBLISHED.values():
        topic = re.sub(r"{(\w+)}", r"<\1>", each.address).removeprefix("<base>/<agent>")
        schema = f"[`{each.schema}`](schema/{each.key}.json)" if each.schema else "text"
        kept = "yes" if each.retained else "no"
        rows.append(f"| `...{topic}` | {each.qos} | {kept} | {schema} | {each.when} |")
    return "\n".join(rows)


def shown(last: str, message: dict[str, Any]) -> str:
    payload = json.loads(message["payload"])
    text = json.dumps(payload, indent=1, ensure_ascii=False)
    short = re.sub(  # what fits on a line stands on one
        r"([\[{])\n\s+([^\[\]{}]*?)\n\s+([\]}])",
        lambda m: m[1] + re.sub(r"\n\s+", " ", m[2]) + m[3],
        text,
    )
    properties = message.get("properties", {})
    told = f" with {json.dumps(properties)}" if properties else ""
    return f"`{message['topic']}`{told.replace('|', '')}\n\n```json\n{short}\n```"


def put(text: str, name: str, fresh: str) -> str:
    """Replaces what is between the markers of that name."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    head, _, rest = text.partition(begin)
    assert rest, f"no marker {name}"
    return f"{head}{begin}{fresh}\n{end}{rest.partition(end)[2]}"


def main() -> int:
    found = published()
    missing = [kind for kind in PUBLISHED if kind not in found]
    if missing:
        print(f"not heard: {', '.join(missing)}", file=sys.stderr)
        return 1
    told = [shown(last, found[last]) for last, each in PUBLISHED.items() if each.record]
    told.append(shown("capture", found["capture"]))
    told.append(announced(found["rollout"], found["bundle"]["size"]))
    text = put(DOCUMENT.read_text(), "topics", table())
    DOCUMENT.write_text(put(text, "examples", "\n\n".join(told)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
