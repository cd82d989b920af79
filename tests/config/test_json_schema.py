"""The JSON Schema of the configuration: it takes what the agent takes, and marks slips."""

import re
from typing import Any

import jsonschema
import pytest
import yaml

from agent import sources
from agent.config import json_schema, load
from agent.core.errors import UserError
from tests.support.paths import DOCS, PROJECT

SCHEMA = json_schema.schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FILES = (PROJECT / "config.example.yaml", *PROJECT.glob("deploy/**/agent.yaml"))
SLIPS = (
    "{}",
    "{sources: []}",
    "{sources: [{name: a, kind: nothing}]}",
    "{sources: [{kind: synth}]}",
    "{sources: [{name: a, kind: synth, port: /dev/ttyUSB0}]}",
    "{sources: [{name: a, kind: serial, port: /dev/ttyUSB0}]}",
    "{sources: [{name: a, kind: synth, hop_s: -1}]}",
    "{sources: [{name: a, kind: synth, bearing: [1, 2]}]}",
    "{sources: [{name: a, kind: synth}], mqtt: {prot: 1}}",
    "{sources: [{name: a, kind: synth}], mqtt: {version: 4}}",
    "{sources: [{name: a, kind: synth}], mqtt: {tls: {ca: x}}}",
    "{sources: [{name: a, kind: synth}], pages: {}}",
)


def written() -> list[Any]:
    """The whole configurations in the documents and files of the project."""
    blocks = []
    for page in (PROJECT / "README.md", *DOCS.glob("*.md")):
        blocks += re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    trees = [yaml.safe_load(text) for text in [*blocks, *(file.read_text() for file in FILES)]]
    return [tree for tree in trees if isinstance(tree, dict) and "sources" in tree]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def runs(tree: Any) -> bool:
    try:
        load.parse(tree)
    except UserError:
        return False
    return True


def test_it_takes_every_configuration_of_the_documents_that_the_agent_takes() -> None:
    trees = [tree for tree in written() if runs(tree)]
    assert len(trees) >= 5
    for tree in trees:
        problems = [f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(tree)]
        assert not problems


@pytest.mark.parametrize("text", SLIPS)
def test_it_marks_what_the_agent_refuses(text: str) -> None:
    tree = yaml.safe_load(text)
    with pytest.raises(UserError):
        load.parse(tree)
    assert list(VALIDATOR.iter_errors(tree))


@pytest.mark.parametrize("kind", sources.KINDS)
def test_every_kind_of_source_has_its_own_keys_and_the_common_ones(kind: str) -> None:
    keys = SCHEMA["$defs"][f"source-{kind}"]["properties"]
    assert {"name", "model", "bearing", *sources.options(kind).__struct_fields__} <= set(keys)


def test_keys_are_described_by_the_comments_beside_them() -> None:
    keys = SCHEMA["$defs"]["source-serial"]["properties"]
    assert keys["rpm"]["description"] == "of the shaft; null: unknown"
    assert "by-id" in keys["port"]["description"]


def test_it_names_nothing_of_the_machine_that_made_it() -> None:
    assert "default" not in SCHEMA["properties"]["agent"]
    assert "default" not in SCHEMA["$defs"]["Agent"]["properties"]["id"]
