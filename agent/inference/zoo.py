"""Finds a model file by its path or by its name in a zoo.

A zoo is a package with .onnx files that is registered under the entry point group `drsn_agent.zoo`;
the agent knows none by name.
"""

import difflib
import functools
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

from agent.core.errors import ConditionError, ConfigError


def released() -> dict[str, Path]:
    """Name -> file of every model in the installed zoos."""
    models: dict[str, Path] = {}
    for folder in _folders():
        models |= {file.stem: file for file in sorted(folder.glob("*.onnx"))}
    return models


@functools.cache
def _folders() -> list[Path]:
    """Looked up once: it reads the metadata of every package that is installed."""
    return [Path(str(files(zoo.module))) for zoo in entry_points(group="drsn_agent.zoo")]


def find(model: str) -> Path:
    """The file that `model` means.

    `ConfigError` for a name that nobody knows, `ConditionError` for a file that is not there (yet).
    """
    if model.endswith(".onnx") or "/" in model:
        path = Path(model)
        try:
            is_file = path.is_file()
        except OSError as error:
            raise ConditionError(f"{model}: cannot be read: {error.strerror}") from None
        if not is_file:
            raise ConditionError(f"{model}: found no such file, expected an .onnx file")
        return path
    models = released()
    if model not in models:
        close = difflib.get_close_matches(model, models, 1)
        hint = f", did you mean {close[0]}?" if close else ""
        names = ", ".join(models) or "none"
        raise ConfigError(f"model {model!r}: not in the zoo (known: {names}){hint}")
    return models[model]
