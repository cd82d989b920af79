"""Bundles for tests: the tiny model in versions, one that disagrees, ones that break."""

import subprocess
import sys
from pathlib import Path

from tests.support import tiny


def agent(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def model(folder: Path, version: str, upside_down: bool = False, **changes: object) -> Path:
    """`upside_down`: it calls loud what is quiet."""
    described = tiny.contract(version=version, **changes)
    data = tiny.build(described)
    if upside_down:
        import onnx
        from onnx import numpy_helper

        made = onnx.load_from_string(data)
        for at, each in enumerate(made.graph.initializer):
            if each.name == "slope":
                flipped = -numpy_helper.to_array(each)
                made.graph.initializer[at].CopyFrom(numpy_helper.from_array(flipped, "slope"))
        data = made.SerializeToString()
    file = folder / f"tiny-{version}.onnx"
    file.write_bytes(data)
    return file


def key(folder: Path) -> Path:
    """A private key, its public part beside it."""
    private = folder / "key.pem"
    if not private.exists():
        assert agent("bundle", "--new-key", private).returncode == 0
    return private


def bundle(
    folder: Path, version: str, signed: bool = True, upside_down: bool = False, **changes: object
) -> Path:
    out = folder / f"tiny-{version}.drsn"
    with_key = ("--key", key(folder)) if signed else ()
    file = model(folder, version, upside_down, **changes)
    done = agent("bundle", file, "--out", out, *with_key)
    assert done.returncode == 0, done.stderr
    return out
