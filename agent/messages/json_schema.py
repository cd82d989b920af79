"""`python -m agent.messages.json_schema [FOLDER]`: JSON Schema and AsyncAPI of all messages.

Both are made from the records; the comment beside a field is its description. A field with a
default was added later: older messages lack it, so it is not required. New fields may be added at
any time, so none is forbidden.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import yaml

from agent import __version__
from agent.core import alarms, field_comments, types
from agent.messages import commissioning
from agent.messages.topics import (
    ALL,
    ANNOUNCEMENT,
    COMMAND,
    PUBLISHED,
    Published,
    Subscribed,
    schema,
)

DOCS = Path(__file__).parents[2] / "docs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Tree = dict[str, Any]


def of(published: Published) -> Tree:
    """The JSON Schema (2020-12) of one kind of message; `ValueError` for plain text."""
    if published.record is None:
        raise ValueError(f"{published.key}: plain text has no schema")
    tree = _tree(published.key, published.record, published.when)
    tree["properties"]["schema"] = {"const": published.schema}
    return tree


def schemas() -> dict[str, Tree]:
    """The schemas of all JSON messages that the agent publishes, by the topic's last level."""
    return {last: of(kind) for last, kind in PUBLISHED.items() if kind.record is not None}


def subscribed(kind: Subscribed) -> Tree:
    """The JSON Schema of a kind that the agent subscribes to; other fields are forbidden."""
    return _tree(kind.key, kind.record, kind.when) | {"additionalProperties": False}


def _tree(last: str, record: type, when: str) -> Tree:
    (top,), parts = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    name = top["$ref"].rpartition("/")[2]
    definitions = {key: _described(part, key, record) for key, part in parts.items()}
    tree = definitions.pop(name)
    return {
        "$schema": DIALECT,
        "$id": f"urn:drsn-agent:{schema(last)}",
        **tree,
        "title": f"{last}: {when}".replace("`", ""),
        **({"$defs": definitions} if definitions else {}),
    }


def asyncapi() -> Tree:
    """The AsyncAPI 3.0 document: channels, messages and operations."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "drsn-agent",
            "version": __version__,
            "description": "The messages of the agent over MQTT; docs/MQTT.md explains them.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {kind.key: _channel(kind) for kind in ALL},
        "operations": {
            **{f"send-{last}": _operation(kind) for last, kind in PUBLISHED.items()},
            "receive-command": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{COMMAND.key}"},
                "summary": COMMAND.when,
                "reply": {"channel": {"$ref": "#/channels/result"}},
                "bindings": {"mqtt": {"qos": 1, "retain": False}},
            },
            "receive-announcement": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{ANNOUNCEMENT.key}"},
                "summary": ANNOUNCEMENT.when,
                "bindings": {"mqtt": {"qos": 1, "retain": True}},
            },
        },
        "components": {"messages": {kind.key: _message(kind) for kind in ALL}},
    }


def files() -> dict[str, str]:
    """The text of every generated file, by its path below `docs`."""
    trees = schemas() | {kind.key: subscribed(kind) for kind in (COMMAND, ANNOUNCEMENT)}
    texts = {f"schema/{last}.json": _json(tree) for last, tree in trees.items()}
    head = "# Made by `make contract` from the agent's records; do not edit.\n"
    return texts | {"asyncapi.yaml": head + yaml.safe_dump(asyncapi(), sort_keys=False, width=100)}


def _described(part: Tree, name: str, within: type) -> Tree:
    """A record's schema with the comments of its source as descriptions; open to new fields."""
    part = {key: value for key, value in part.items() if key != "additionalProperties"}
    modules = (sys.modules[within.__module__], types, alarms, commissioning)
    record = next(getattr(module, name) for module in modules if hasattr(module, name))
    for field, comment in field_comments.of(record).items():
        part["properties"][field] |= {"description": comment}
    return part


def _channel(published: Published | Subscribed) -> Tree:
    names = re.findall(r"{(\w+)}", published.address)
    parameters = {
        "base": "mqtt.base, by default drsn",
        "agent": "agent.id, by default the host's name",
        "source": "sources[].name, or points[].name",
        "machine": "machines[].name",
        "verb": "the command's verb",
        "model": "a model's name",
    }
    return {
        "address": published.address,
        "messages": {published.key: {"$ref": f"#/components/messages/{published.key}"}},
        "parameters": {name: {"description": parameters[name]} for name in names},
    }


def _operation(published: Published) -> Tree:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{published.key}"},
        "summary": published.when,
        "bindings": {"mqtt": {"qos": published.qos, "retain": published.retained}},
    }


def _message(published: Published | Subscribed) -> Tree:
    if published.record is None:
        text = {"type": "string", "enum": ["online", "offline"]}
        return {"name": published.key, "contentType": "text/plain", "payload": text}
    return {
        "name": schema(published.key),
        "contentType": "application/json",
        "payload": {
            "schemaFormat": f"application/schema+json;version={DIALECT.split('/')[4]}",
            "schema": {"$ref": f"./schema/{published.key}.json"},
        },
    }


def _json(tree: Tree) -> str:
    """JSON with whole numbers as integers: `typing` caches limits of 0 and 0.0 as the same."""
    tree = json.loads(json.dumps(tree), parse_float=lambda text: _whole(float(text)))
    return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"


def _whole(number: float) -> float:
    return int(number) if number.is_integer() else number


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
