"""What the modules of a tree import, read from their text without running any of them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One import of one module by another, both as dotted names."""

    importer: str
    imported: str
    line: int
    late: bool  # inside a function

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def imports(tree: Path, root: str) -> list[Import]:
    """Every import in `tree/root`, in the order of files and lines."""
    return [found for file in sorted((tree / root).rglob("*.py")) for found in _of_file(file, tree)]


def module_name(file: Path, tree: Path) -> str:
    parts = file.relative_to(tree).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def folder(module: str, tree: Path) -> str:
    """The dotted name of the folder that a module lies in."""
    return module if tree.joinpath(*module.split(".")).is_dir() else module.rpartition(".")[0]


def _of_file(file: Path, tree: Path) -> Iterator[Import]:
    importer = module_name(file, tree)
    syntax = ast.parse(file.read_text())
    late = {id(node) for node in _inside_functions(syntax)}
    for node in ast.walk(syntax):
        for imported in _modules(node, tree):
            line = getattr(node, "lineno", 0)
            yield Import(importer, imported, line, id(node) in late)


def _inside_functions(syntax: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(syntax):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from ast.walk(node)


def _modules(node: ast.AST, tree: Path) -> Iterator[str]:
    """`from a import b` imports the module a.b where there is one, else a."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        for alias in node.names:
            name = f"{base}.{alias.name}"
            yield name if _is_module(name, tree) else base


def _is_module(name: str, tree: Path) -> bool:
    path = tree.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()
