"""`/api/configuration`: the file as it is on the disk, and its mistake beside the line. Read only.

The file holds no secret: passwords and tokens are in files that it names.
"""

import re
from pathlib import Path

import msgspec
import yaml

from agent.config import advice, load, yaml_bounds
from agent.core.errors import ConditionError, UserError
from agent.web.http.request import Route

KEY_PATH = re.compile(r"((?:\w+(?:\[\d+\])?)(?:\.\w+(?:\[\d+\])?)*)(?: \([^)]*\))?:")
PART = re.compile(r"\w+|\[\d+\]")
YAML_LINE = re.compile(r"line (\d+)")


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """The first mistake, as `check` names it."""

    line: int  # from 1
    text: str


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The file; `mistake` None: the agent takes it."""

    file: str
    text: str
    mistake: Mistake | None
    notes: list[str]  # advice


def route(file: Path) -> Route:
    return Route("GET", "/api/configuration", lambda _request: read(file))


def read(file: Path) -> Configuration:
    """The file and what is wrong with it; `ConditionError` where it cannot be read."""
    try:
        with file.open("rb") as stream:
            text = stream.read(yaml_bounds.MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise ConditionError(f"{file}: cannot be read: {error.strerror}") from None
    mistake, notes = None, list[str]()
    try:
        notes = list(advice.notes(load.load(file)))
    except UserError as error:
        why = str(error).removeprefix(f"{file}: ")
        mistake = Mistake(line=_line(text, why), text=why)
    return Configuration(file=str(file), text=text, mistake=mistake, notes=notes)


def _line(text: str, why: str) -> int:
    """The line that the mistake is in; 1 where it names none."""
    if why.startswith("not YAML"):
        lines = YAML_LINE.findall(why)
        return int(lines[-1]) if lines else 1
    match = KEY_PATH.match(why)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return 1
    line = 1
    for part in PART.findall(match[1]) if match else ():
        node, line = _below(node, part, line)
    return line


def _below(node: yaml.Node | None, part: str, line: int) -> tuple[yaml.Node | None, int]:
    """The node of a key or an index below another one, and its line; the line before: none."""
    if isinstance(node, yaml.SequenceNode) and part.startswith("["):
        at = int(part[1:-1])
        if at < len(node.value):
            return node.value[at], node.value[at].start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line + 1
    return None, line
