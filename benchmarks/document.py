"""A table between its markers in a document, written by the command that measures it."""

import argparse
import logging
import warnings
from pathlib import Path

PERFORMANCE = Path(__file__).parents[1] / "docs" / "PERFORMANCE.md"


def wanted(module: str, told: str | None) -> bool:
    """Reads the command line: whether the table goes into the document too. Exporters' own
    warnings stay out of what is printed."""
    parser = argparse.ArgumentParser(f"python -m benchmarks.{module}", description=told)
    parser.add_argument("--write", action="store_true", help=f"into docs/{PERFORMANCE.name}")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    return bool(given.write)


def put(block: str, text: str, document: Path = PERFORMANCE) -> None:
    """Puts `text` between `<!-- BLOCK: begin -->` and `<!-- BLOCK: end -->`."""
    begin, end = f"<!-- {block}: begin -->\n", f"<!-- {block}: end -->\n"
    head, found, rest = document.read_text().partition(begin)
    _, ended, tail = rest.partition(end)
    if not (found and ended):
        raise SystemExit(f"{document}: found no place for {block}, expected {begin.strip()}")
    document.write_text(f"{head}{begin}{text}\n{end}{tail}")


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" if at == 0 else "---:" for at in range(len(heads))), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
