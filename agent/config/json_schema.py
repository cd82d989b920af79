"""The JSON Schema of `config.yaml`, by which editors complete keys and mark mistakes.

It is made from the sections' records; the comment beside a field is its description. The agent
itself checks more than a schema can say: `drsn-agent check`.
"""

from typing import Any

import msgspec

from agent import sources
from agent.config import points
from agent.config.load import Config
from agent.config.points import PointKeys
from agent.config.source import SourceKeys
from agent.core import field_comments

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Tree = dict[str, Any]

BEARING = [
    {"type": "string", "description": "its name, e.g. 6205, or BPFO,BPFI,BSF,FTF"},
    {"type": "integer", "description": "its name, e.g. 6205"},
    {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
]
NEVER = ("SourceSettings", "Struct")  # how the agent holds a source, not how a file writes it


def schema() -> Tree:
    """The JSON Schema (2020-12) of the configuration file."""
    definitions = _definitions(Config)
    tree = definitions.pop("Config")
    definitions = {name: part for name, part in definitions.items() if name not in NEVER}
    keys = definitions.pop("SourceKeys")["properties"]
    kinds = {f"source-{kind}": _source(kind, keys, definitions) for kind in sources.KINDS}
    tree["properties"]["sources"] = {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["name", "kind"],
            "properties": {"kind": {"enum": list(sources.KINDS)}},
            "allOf": [_where(kind) for kind in sources.KINDS],
        },
    }
    # A section may be written with nothing below it: it has its defaults, or stays off.
    for section in tree["properties"].values():
        if "$ref" in section:
            section["anyOf"] = [{"$ref": section.pop("$ref")}, {"type": "null"}]
        section.pop("default", None)  # a section's keys have theirs
    definitions["Mqtt"]["properties"]["version"]["enum"].append(5)  # as YAML reads it
    return {
        "$schema": DIALECT,
        "$id": "urn:drsn-agent:config",
        **tree,
        "title": "drsn-agent: config.yaml",
        "required": ["sources"],
        "$defs": definitions | kinds,
    }


def _where(kind: str) -> Tree:
    """The rule for entries of that kind."""
    return {
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": {"$ref": f"#/$defs/source-{kind}"},
    }


def _source(kind: str, keys: Tree, definitions: Tree) -> Tree:
    """One entry of `sources`: the common keys and those of its kind.

    Records that the options are made of join `definitions`.
    """
    options = _definitions(sources.options(kind))
    own = options.pop("Options")
    definitions |= options
    bearing = {**keys["bearing"], "anyOf": [*keys["bearing"]["anyOf"], *BEARING]}
    common = {**keys, "bearing": bearing}
    return {
        "type": "object",
        "properties": {
            **common,
            "kind": {"const": kind},
            "points": _points(common),
            **own["properties"],
        },
        "required": ["name", "kind", *own["required"]],
        "additionalProperties": False,
    }


def _points(common: Tree) -> Tree:
    """The list of a source's points: their own keys, and common ones in place of the source's."""
    point = _definitions(PointKeys)["PointKeys"]
    overrides = {key: common[key] for key in points.OVERRIDES}
    return {
        "description": "of a device that is read once: a source each, with channels of its own",
        "type": "array",
        "minItems": 1,
        "items": {**point, "properties": {**overrides, **point["properties"]}},
    }


def _definitions(record: type) -> Tree:
    """The schemas of a record and of all records in it, by their names."""
    _, parts = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    found: Tree = {}
    for each in _records(record):
        for field, comment in field_comments.of(each).items():
            parts[each.__name__]["properties"].get(field, {})["description"] = comment
    found.update(parts)
    return found


def _records(record: type) -> set[type]:
    """The record itself and the records among its fields' types."""
    types = {record}
    if record is Config:
        types |= {SourceKeys}
    for field in msgspec.inspect.type_info(record).fields:  # type: ignore[attr-defined]
        options = getattr(field.type, "types", (field.type,))
        types |= {each.cls for each in options if isinstance(each, msgspec.inspect.StructType)}
    return {each for each in types if each.__name__ not in NEVER}
