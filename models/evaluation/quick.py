"""A quick run's figures held against those of a document: one more training may lie so far off."""

ROUNDING = 0.1  # points: both sides of a comparison are printed to 0.1


def verdict(value: float, expected: tuple[float, float] | None) -> str:
    """`expected`: mean, and what a single training may differ by."""
    if expected is None:
        return f"{value:.1f}, nothing to compare with"
    mean, single = expected
    found = "OK" if abs(value - mean) <= single + ROUNDING else "outside"
    return f"{value:.1f}, document {mean:.1f} ± {single:.1f}: {found}"


def summed(lines: list[str]) -> str:
    """All lines, and how many are right."""
    right = sum(line.endswith(": OK") for line in lines)
    return "\n".join([*lines, f"{right} of {len(lines)} figures OK"]) + "\n"
