"""docs/INPUTS.md names a test for every answer that it promises."""

import re

import pytest

from tests.support.paths import DOCS, PROJECT


def promises(text: str) -> list[str]:
    """The rows of the tables that begin with `input`."""
    rows, inside = [], False
    for line in text.splitlines():
        inside = line.startswith("| input ") or (inside and line.startswith("|"))
        if inside and not line.startswith(("| input ", "| - ")):
            rows.append(line)
    return rows


PROMISES = promises((DOCS / "INPUTS.md").read_text())


@pytest.mark.parametrize("row", PROMISES)
def test_every_row_names_a_test_that_is_there(row: str) -> None:
    named = re.fullmatch(r"\| .+ \| .+ \| `([\w/]+\.py)::(test_\w+)` \|", row)
    assert named is not None, "expected | input | answer | `file::test` |"
    file = PROJECT / "tests" / named[1]
    assert re.search(rf"^def {named[2]}\(", file.read_text(), re.MULTILINE)


def test_the_table_has_rows() -> None:
    assert len(PROMISES) >= 10
