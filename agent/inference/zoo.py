"""Finds a model file: a path, or a name in a zoo.

Zoos are packages that carry .onnx files and are registered under the entry point group
`drsn_agent.zoo`: so the agent needs to know none of them by name.
"""

import difflib
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

from agent.core.errors import ConfigError


def released() -> dict[str, Path]:
    """Name -> file of every model in the installed zoos."""
    found: dict[str, Path] = {}
    for zoo in entry_points(group="drsn_agent.zoo"):
        folder = Path(str(files(zoo.module)))
        found |= {file.stem: file for file in sorted(folder.glob("*.onnx"))}
    return found


def find(model: str) -> Path:
    """The file that `model` means; `ConfigError` where there is none."""
    if model.endswith(".onnx") or "/" in model:
        path = Path(model)
        if not path.is_file():
            raise ConfigError(f"{model}: found no such file, expected an .onnx file")
        return path
    known = released()
    if model not in known:
        close = difflib.get_close_matches(model, known, 1)
        hint = f", did you mean {close[0]}?" if close else ""
        names = ", ".join(known) or "none"
        raise ConfigError(f"model {model!r}: not in the zoo (known: {names}){hint}")
    return known[model]
