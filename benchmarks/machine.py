"""The machine that a benchmark ran on, and what a process takes of it."""

import datetime
import os
import platform
from pathlib import Path

import onnxruntime


def described() -> str:
    """Date, processor, load and versions, in a sentence."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {os.cpu_count()} cores "
        f"({names[0] if names else platform.machine()}), load {os.getloadavg()[1]:.1f}, "
        f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}."
    )


def rss_mib(pid: int) -> tuple[float, float]:
    """A process's memory: all of it, and what no file backs."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {line.partition(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
    return int(kib["VmRSS"]) / 1024, int(kib["RssAnon"]) / 1024
