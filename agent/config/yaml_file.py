"""A YAML file as plain values, by YAML's safe loader; a duplicate key is refused."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from agent.config import yaml_bounds
from agent.core.errors import ConditionError, ConfigError


def read(path: Path) -> object:
    """The values in the file; `ConfigError` where there is none or it is not YAML.

    `ConditionError` where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(yaml_bounds.MAX_BYTES + 1)
    except OSError as error:
        text = f"{path}: cannot be read: {error.strerror}"
        absent = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
        raise (ConfigError if absent else ConditionError)(text) from None
    try:
        return _load(data.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


def value(text: str, where: str) -> object:
    """A single value as YAML reads it, except that `local:` is text, not a mapping.

    `ConfigError`, naming `where`, for what is not YAML.
    """
    try:
        parsed = _load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{where}: found {text!r}, expected a value as in YAML") from None
    return text if isinstance(parsed, dict) and not text.lstrip().startswith("{") else parsed


def _load(text: str) -> object:
    """The values in the text; `yaml.YAMLError` for whatever the constructors raise, too."""
    yaml_bounds.check(text)
    try:
        return yaml.load(text, Loader=UniqueKeys)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:  # e.g. month 13
        raise yaml.YAMLError(f"found a value that is none: {error}") from None


class UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which also refuses a duplicate key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    "found a list or mapping as a key, expected text",
                    key_node.start_mark,
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"found the key {key!r} twice, expected once", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)
