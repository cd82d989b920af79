"""Modules and functions stay small enough to be read at once."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import PROJECT

LINES = {"agent": 300, "models": 300, "benchmarks": 300, "tests": 400}
FUNCTION_LINES = 40
ENTRIES = {"agent": 20, "models": 14}


def modules(root: str) -> list[Path]:
    return sorted((PROJECT / root).rglob("*.py"))


@pytest.mark.parametrize("root", LINES)
def test_no_module_is_longer_than_its_limit(root: str) -> None:
    lengths = {str(file): len(file.read_text().splitlines()) for file in modules(root)}
    assert lengths
    assert {file: lines for file, lines in lengths.items() if lines > LINES[root]} == {}


@pytest.mark.parametrize("root", ["agent", "models", "benchmarks"])
def test_no_function_is_longer_than_forty_lines(root: str) -> None:
    assert [name for file in modules(root) for name in too_long(file.read_text())] == []


def too_long(code: str) -> list[str]:
    """Names of the functions in it that are longer, their decorators aside."""
    functions = [
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [
        node.name for node in functions if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]


def test_a_function_of_forty_one_lines_is_too_long() -> None:
    body = "    pass\n"
    assert too_long("def fits():\n" + 39 * body) == []
    assert too_long("def fits_not():\n" + 40 * body) == ["fits_not"]


@pytest.mark.parametrize("root", ENTRIES)
def test_a_package_has_few_enough_entries_to_be_seen_at_once(root: str) -> None:
    entries = [path for path in (PROJECT / root).iterdir() if not path.name.startswith("__pyc")]
    assert len(entries) <= ENTRIES[root], sorted(path.name for path in entries)
