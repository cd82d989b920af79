"""Bounds on a YAML text, checked on its stream of events before any value is built.

What costs nothing to write can cost all memory to build: aliases that multiply, deep nesting,
numbers of thousands of digits. Nothing here recurses, and the time grows with the size alone.
"""

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000  # with each alias counted as what it stands for
MAX_OPEN = 200  # brackets in a line: YAML looks at all of them again for each character
MAX_NUMBER = 40  # characters of a plain number

Start = yaml.MappingStartEvent | yaml.SequenceStartEvent
End = yaml.MappingEndEvent | yaml.SequenceEndEvent


def check(text: str) -> None:
    """`yaml.YAMLError` where the text is beyond the bounds, or not YAML."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise yaml.YAMLError(f"found more than {MAX_BYTES} bytes")
    if max((line.count("[") + line.count("{") for line in text.splitlines()), default=0) > MAX_OPEN:
        raise yaml.YAMLError(f"found more than {MAX_OPEN} brackets in a line")
    nodes = _Nodes()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        match event:
            case yaml.AliasEvent():
                nodes.alias(event)
            case yaml.ScalarEvent():
                _check_scalar(event)
                nodes.scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                nodes.open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                nodes.close()
            case _:
                pass


class _Nodes:
    """Counts nodes, and the size of what each anchor names."""

    def __init__(self) -> None:
        self._count = 0
        self._sizes: dict[str, int] = {}  # of complete anchors
        self._open: list[tuple[str | None, int]] = []  # anchors, and the count where each began

    def alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor in (anchor for anchor, _ in self._open):
            raise _error(f"found the alias *{event.anchor} inside of what it names", event)
        self._add(self._sizes.get(event.anchor or "", 1), event)

    def scalar(self, event: yaml.ScalarEvent) -> None:
        self._add(1, event)
        if event.anchor is not None:
            self._sizes[event.anchor] = 1

    def open(self, event: Start) -> None:
        self._open.append((event.anchor, self._count))
        self._add(1, event)
        if len(self._open) > MAX_DEPTH:
            raise _error(f"nested deeper than {MAX_DEPTH}", event)

    def close(self) -> None:
        anchor, began = self._open.pop()
        if anchor is not None:
            self._sizes[anchor] = self._count - began

    def _add(self, nodes: int, event: yaml.NodeEvent) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            raise _error(f"found more than {MAX_NODES} values, aliases counted in full", event)


def _check_scalar(event: yaml.ScalarEvent) -> None:
    value: str = event.value
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _error("found a character that no text has (NUL or half a surrogate pair)", event)
    if event.style is None and len(value) > MAX_NUMBER and value.lstrip("+-")[:1].isdigit():
        raise _error(f"found a number of {len(value)} characters, expected {MAX_NUMBER}", event)


def _error(problem: str, event: yaml.Event) -> yaml.YAMLError:
    mark = event.start_mark
    where = "" if mark is None else f" in line {mark.line + 1}"
    return yaml.YAMLError(problem + where)
