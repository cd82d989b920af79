"""What the documents point at exists: links, headings, files, modules behind `python -m`."""

import importlib.util
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *sorted(PROJECT.glob("*.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
    *sorted((PROJECT / "deploy").rglob("*.md")),
    *sorted((PROJECT / "models").rglob("*.md")),
]
FENCED = re.compile(r"```.*?```", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:agent|models|tests|benchmarks|docs|deploy)/[\w./-]+\.\w+)`")
OF_EARLIER_COMMITS = {"models.trials"}  # in blocks that begin with `git checkout`
MODULE = re.compile(r"-m ((?:agent|models|tests|benchmarks)[\w.]*)")

OF_THE_PRESENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    links = LINK.findall(FENCED.sub("", document.read_text()))
    assert [link for link in links if not _leads_somewhere(document, link)] == []


@pytest.mark.parametrize("document", OF_THE_PRESENT, ids=name)
def test_every_file_and_module_that_is_named_exists(document: Path) -> None:
    text = document.read_text()
    assert [path for path in PATH.findall(text) if not (PROJECT / path).exists()] == []
    modules = {module.rstrip(".") for module in MODULE.findall(text)} - OF_EARLIER_COMMITS
    assert sorted(each for each in modules if importlib.util.find_spec(each) is None) == []


@pytest.mark.parametrize(
    "page", sorted((PROJECT / "docs").glob("*.md")), ids=lambda path: path.name
)
def test_every_page_is_in_the_index(page: Path) -> None:
    index = page.with_name("README.md")
    assert page == index or f"({page.name})" in index.read_text()


def _leads_somewhere(document: Path, link: str) -> bool:
    if link.startswith(("https://", "http://")):
        return True
    file, _, heading = link.partition("#")
    path = document.parent / file if file else document
    if not path.exists():
        return False
    return not heading or path.suffix != ".md" or heading in _headings(path)


def _headings(document: Path) -> set[str]:
    """Of every heading the name under which hosts link to it."""
    lines = re.findall(r"^#+ (.*)$", FENCED.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.strip().lower()).replace(" ", "-") for line in lines}
