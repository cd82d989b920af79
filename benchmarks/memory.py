"""`python -m benchmarks.memory`: what the agent's parts add to the memory of a process, in turn.

RSS in MiB, and of it what no file backs; a part that another one has loaded adds nothing. The model
takes away: what loading alone needed is unmapped after it (`agent.inference.memory`).
"""

import importlib
from collections.abc import Iterator
from pathlib import Path

import agent  # noqa: F401 (switches telemetry off before ONNX Runtime is imported)

PARTS = (
    *("importlib.metadata", "ssl", "numpy", "onnxruntime", "msgspec", "yaml"),
    *("paho.mqtt.client", "sqlite3", "agent.service.daemon"),
)
MODEL = "bearing"


def main() -> None:
    before = _rss_mib()
    print(f"{'Python':24} {before[0]:5.1f} {before[1]:5.1f}")
    for name in _loaded():
        now = _rss_mib()
        print(f"{name:24} {now[0] - before[0]:5.1f} {now[1] - before[1]:5.1f}")
        before = now
    print(f"{'together':24} {before[0]:5.1f} {before[1]:5.1f}")


def _loaded() -> Iterator[str]:
    for name in PARTS:
        importlib.import_module(name)
        yield name
    from agent.inference import classifier, memory, zoo

    network = classifier.load(zoo.find(MODEL))
    memory.unmap_code()
    yield f"the model {network.contract.name}"


def _rss_mib() -> tuple[float, float]:
    lines = Path("/proc/self/status").read_text().splitlines()
    kib = {line.partition(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
    return int(kib["VmRSS"]) / 1024, int(kib["RssAnon"]) / 1024


if __name__ == "__main__":
    main()
