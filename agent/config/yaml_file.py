"""A YAML file as plain values, by YAML's safe loader; a duplicate key is refused."""

import datetime
import re
from collections.abc import Hashable
from pathlib import Path

import yaml

from agent.config import yaml_bounds
from agent.core.errors import ConditionError, ConfigError

MERGE = "tag:yaml.org,2002:merge"
EXPONENT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")


def read(path: Path) -> object:
    """The values in the file; `ConfigError` where it is not YAML.

    `ConditionError` where it is not there or cannot be read: a disk may be mounted later.
    """
    try:
        with path.open("rb") as file:
            data = file.read(yaml_bounds.MAX_BYTES + 1)
    except OSError as error:
        raise ConditionError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return parse(data.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


def value(text: str, where: str) -> object:
    """A single value as YAML reads it, except that `local:` is text, not a mapping.

    `ConfigError`, naming `where`, for what is not YAML.
    """
    try:
        parsed = parse(text)
    except yaml.YAMLError:
        raise ConfigError(f"{where}: found {text!r}, expected a value as in YAML") from None
    return text if isinstance(parsed, dict) and not text.lstrip().startswith("{") else parsed


def parse(text: str) -> object:
    """The values in the text; `yaml.YAMLError` for whatever the constructors raise, too."""
    yaml_bounds.check(text)
    try:
        return yaml.load(text, Loader=UniqueKeys)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:  # e.g. month 13
        raise yaml.YAMLError(f"found a value that is none: {error}") from None


class UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which also refuses a duplicate key.

    Numbers such as 12e3 are numbers, as in YAML 1.2, and a date is its midnight, UTC.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._checked: set[yaml.MappingNode] = set()  # merging puts keys of others into a node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Puts merged mappings (`<<`) into the node, whose own keys must differ."""
        if node in self._checked:
            return
        self._checked.add(node)
        self._check_keys(node)
        own = [item for item in node.value if item[0].tag != MERGE]
        super().flatten_mapping(node)
        names = {(key.tag, str(key.value)) for key, _ in own}
        merged = [item for item in node.value if item not in own]
        node.value = [item for item in merged if (item[0].tag, str(item[0].value)) not in names]
        node.value += own

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> datetime.datetime:
        value = super().construct_yaml_timestamp(node)
        if isinstance(value, datetime.datetime):
            return value
        return datetime.datetime.combine(value, datetime.time(), datetime.UTC)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = MERGE if key_node.tag == MERGE else self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    "found a list or mapping as a key, expected text",
                    key_node.start_mark,
                )
            if key in seen:
                shown = "<<" if key == MERGE else key
                raise yaml.constructor.ConstructorError(
                    None, None, f"found the key {shown!r} twice, expected once", key_node.start_mark
                )
            seen.add(key)


UniqueKeys.add_constructor("tag:yaml.org,2002:timestamp", UniqueKeys.construct_yaml_timestamp)
UniqueKeys.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))
