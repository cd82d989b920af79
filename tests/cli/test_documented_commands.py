"""Every command line of the documents is one that the command understands."""

import re
import shlex
from collections.abc import Iterator

import pytest

from agent.cli import main
from tests.support.paths import DOCS, PROJECT

TRANSCRIPTS = ("BOOT.md",)  # what a machine printed
PAGES = [
    page for page in (PROJECT / "README.md", *DOCS.glob("*.md")) if page.name not in TRANSCRIPTS
]
FENCED = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^(?:[$#] )?(?:sudo )?|\| )(?:\S*/)?drsn-agent ([a-z]+(?: [^|;&#)]*)?)")


def documented() -> Iterator[tuple[str, str]]:
    """The page and the arguments of each `drsn-agent` line in a block."""
    for page in PAGES:
        for block in FENCED.findall(page.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                for match in COMMAND.finditer(line):
                    yield page.name, match[1].strip()


LINES = sorted(set(documented()))


def test_there_are_many() -> None:
    assert len(LINES) > 25


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_line_is_understood(page: str, line: str) -> None:
    pytest.importorskip("torch", reason="verbs of training need the train extra")
    main._parsed(shlex.split(line.partition(" > ")[0]))
