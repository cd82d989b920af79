"""docs/INPUTS.md names a test for every answer that it promises."""

import re

import pytest

from tests.support.paths import DOCS, PROJECT

ROWS = [line for line in (DOCS / "INPUTS.md").read_text().splitlines() if line.startswith("| ")]
PROMISES = [row for row in ROWS if not row.startswith(("| input ", "| - "))]


@pytest.mark.parametrize("row", PROMISES)
def test_every_row_names_a_test_that_is_there(row: str) -> None:
    named = re.fullmatch(r"\| .+ \| .+ \| `([\w/]+\.py)::(test_\w+)` \|", row)
    assert named is not None, "expected | input | answer | `file::test` |"
    file = PROJECT / "tests" / named[1]
    assert re.search(rf"^def {named[2]}\(", file.read_text(), re.MULTILINE)


def test_the_table_has_rows() -> None:
    assert len(PROMISES) >= 10
