"""`python -m agent.messages.json_schema [FOLDER]`: JSON Schema and AsyncAPI of all that is
published, from the records. What a record's comments say of a field is the field's description.

A field with a default came later than the rest: older messages lack it, so it is not required. New
fields may come at any time, so none is forbidden.
"""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import yaml

from agent import __version__
from agent.core import types
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
    """The JSON Schema (2020-12) of the messages on one topic."""
    assert published.record is not None
    tree = _tree(published.last, published.record, published.when)
    tree["properties"]["schema"] = {"const": published.schema}
    return tree


def schemas() -> dict[str, Tree]:
    """Of what is published, by the topic's last level."""
    return {last: of(each) for last, each in PUBLISHED.items() if each.record is not None}


def heard(each: Subscribed) -> Tree:
    """Of what the agent is asked; there nothing is let pass that is not named."""
    return _tree(each.last, each.record, each.when) | {"additionalProperties": False}


def _tree(last: str, record: type, when: str) -> Tree:
    (top,), parts = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    name = top["$ref"].rpartition("/")[2]
    described = {key: _described(part, key, record) for key, part in parts.items()}
    tree = described.pop(name)
    return {
        "$schema": DIALECT,
        "$id": f"urn:drsn-agent:{schema(last)}",
        **tree,
        "title": f"{last}: {when}".replace("`", ""),
        **({"$defs": described} if described else {}),
    }


def asyncapi() -> Tree:
    """AsyncAPI 3.0: channels, messages and the way that each is sent."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "drsn-agent",
            "version": __version__,
            "description": "What the agent says over MQTT; docs/MQTT.md explains it.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {each.last: _channel(each) for each in ALL},
        "operations": {
            **{f"send-{last}": _operation(each) for last, each in PUBLISHED.items()},
            "receive-command": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{COMMAND.last}"},
                "summary": COMMAND.when,
                "reply": {"channel": {"$ref": "#/channels/result"}},
                "bindings": {"mqtt": {"qos": 1, "retain": False}},
            },
            "receive-announcement": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{ANNOUNCEMENT.last}"},
                "summary": ANNOUNCEMENT.when,
                "bindings": {"mqtt": {"qos": 1, "retain": True}},
            },
        },
        "components": {"messages": {each.last: _message(each) for each in ALL}},
    }


def files() -> dict[str, str]:
    """Every generated file, by its path below `docs`."""
    trees = schemas() | {each.last: heard(each) for each in (COMMAND, ANNOUNCEMENT)}
    made = {f"schema/{last}.json": _json(tree) for last, tree in trees.items()}
    head = "# Made by `make contract` from the agent's records; not edited by hand.\n"
    return made | {"asyncapi.yaml": head + yaml.safe_dump(asyncapi(), sort_keys=False, width=100)}


def _described(part: Tree, name: str, within: type) -> Tree:
    """A record's schema, with what its source says of the fields; extra fields are let pass."""
    part = {key: value for key, value in part.items() if key != "additionalProperties"}
    modules = (sys.modules[within.__module__], types)
    record = next(getattr(module, name) for module in modules if hasattr(module, name))
    for field, comment in _comments(record).items():
        found = part["properties"][field]
        part["properties"][field] = found | {"description": comment}
    return part


def _comments(record: type) -> dict[str, str]:
    found = re.findall(r"^    (\w+): [^#\n]*?  # (.+)$", inspect.getsource(record), re.MULTILINE)
    return {field: comment.replace("None", "null") for field, comment in found}


def _channel(published: Published | Subscribed) -> Tree:
    names = re.findall(r"{(\w+)}", published.address)
    parameters = {
        "base": "mqtt.base, by default drsn",
        "agent": "agent.id, by default the host's name",
        "source": "sources[].name",
        "verb": "what was asked for",
        "model": "a model's name",
    }
    return {
        "address": published.address,
        "messages": {published.last: {"$ref": f"#/components/messages/{published.last}"}},
        "parameters": {name: {"description": parameters[name]} for name in names},
    }


def _operation(published: Published) -> Tree:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{published.last}"},
        "summary": published.when,
        "bindings": {"mqtt": {"qos": published.qos, "retain": published.retained}},
    }


def _message(published: Published | Subscribed) -> Tree:
    if published.record is None:
        text = {"type": "string", "enum": ["online", "offline"]}
        return {"name": published.last, "contentType": "text/plain", "payload": text}
    return {
        "name": schema(published.last),
        "contentType": "application/json",
        "payload": {
            "schemaFormat": f"application/schema+json;version={DIALECT.split('/')[4]}",
            "schema": {"$ref": f"./schema/{published.last}.json"},
        },
    }


def _json(tree: Tree) -> str:
    """`typing` holds limits of 0 and 0.0 for the same, so which one is there depends on imports."""
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
