"""What docs/ARCHITECTURE.md points at exists: the way of a block, and every path."""

import functools
import importlib
import re

import pytest

from tests.support.paths import PROJECT

DOCUMENT = (PROJECT / "docs" / "ARCHITECTURE.md").read_text()
WALK = re.findall(r"^(agent/\S+)  +\S", DOCUMENT, re.MULTILINE)


def test_the_way_of_a_block_goes_from_the_microphone_to_the_acknowledgement() -> None:
    assert WALK[0].startswith("agent/sources/microphone.py")
    assert re.search(r"^agent/delivery/\S+ .*PUBACK$", DOCUMENT, re.MULTILINE)
    assert len(WALK) <= 16


@pytest.mark.parametrize("step", WALK)
def test_each_step_of_the_way_can_be_imported(step: str) -> None:
    path, _, attribute = step.partition(":")
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    assert callable(functools.reduce(getattr, attribute.split("."), module))


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:agent|models|tests)/[^`:]+)", DOCUMENT)))
)
def test_every_path_in_the_document_exists(path: str) -> None:
    assert (PROJECT / path).exists()
