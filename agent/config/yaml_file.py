"""A YAML file as plain values, by YAML's safe loader; a duplicate key is refused."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from agent.core.errors import ConfigError


def read(path: Path) -> object:
    """The values in the file; `ConfigError` where it cannot be read or is not YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeys)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


def value(text: str, where: str) -> object:
    """A single value as YAML reads it, except that `local:` is text, not a mapping.

    `ConfigError`, naming `where`, for what is not YAML.
    """
    try:
        parsed = yaml.load(text, Loader=UniqueKeys)
    except yaml.YAMLError:
        raise ConfigError(f"{where}: found {text!r}, expected a value as in YAML") from None
    return text if isinstance(parsed, dict) and not text.lstrip().startswith("{") else parsed


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
