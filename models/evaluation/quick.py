"""Compares a quick run with a document: one more training may differ from a mean by so much."""

ROUNDING = 0.1  # points: both sides of a comparison are printed to 0.1


def verdict(value: float, expected: tuple[float, float] | None) -> str:
    """`expected`: the document's mean, and how far a single training may lie from it."""
    if expected is None:
        return f"{value:.1f}, nothing to compare with"
    mean, reach = expected
    result = "OK" if abs(value - mean) <= reach + ROUNDING else "outside"
    return f"{value:.1f}, document {mean:.1f} ± {reach:.1f}: {result}"


def summed(lines: list[str]) -> str:
    """All lines, and the number of figures that agree."""
    right = sum(line.endswith(": OK") for line in lines)
    return "\n".join([*lines, f"{right} of {len(lines)} figures OK"]) + "\n"
