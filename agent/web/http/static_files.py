"""The page's own files: whatever is in `agent/web/static`, and nothing else."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
INDEX = "/index.html"  # that `/` answers


def table() -> Mapping[str, tuple[Traversable, str]]:
    """File and content type of each path, as they are on the disk now."""
    found = dict(_below(files("agent.web") / "static", ""))
    return found | {"/": found[INDEX]}


def _below(folder: Traversable, path: str) -> list[tuple[str, tuple[Traversable, str]]]:
    entries: list[tuple[str, tuple[Traversable, str]]] = []
    for entry in folder.iterdir():
        below = f"{path}/{entry.name}"
        kind = KINDS.get(entry.name.rpartition(".")[2])
        if entry.is_dir():
            entries += _below(entry, below)
        elif kind is not None:
            entries.append((below, (entry, kind)))
    return entries
