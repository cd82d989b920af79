"""Numbers as they are sent: so many digits as a picture shows."""


def short(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")
