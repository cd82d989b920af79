"""A table between its markers in a document, written by the command that measures it."""

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PERFORMANCE, SCALE = DOCS / "PERFORMANCE.md", DOCS / "SCALE.md"


def put(block: str, text: str, document: Path = PERFORMANCE) -> None:
    """Puts `text` between `<!-- BLOCK: begin -->` and `<!-- BLOCK: end -->`."""
    begin, end = f"<!-- {block}: begin -->\n", f"<!-- {block}: end -->\n"
    head, begun, rest = document.read_text().partition(begin)
    _, ended, tail = rest.partition(end)
    if not (begun and ended):
        raise SystemExit(f"{document}: found no place for {block}, expected {begin.strip()}")
    document.write_text(f"{head}{begin}{text}\n{end}{tail}")


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" if at == 0 else "---:" for at in range(len(heads))), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
