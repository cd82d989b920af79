"""What is promised of a rate, and whether it is so."""

from tests.rates.simulation import RATE_HZ, Run

SHARES = (0.25, 0.5, 0.97, 0.985, 1.0, 1.02, 1.04, 2.0, 3.0)  # of the configured rate
SOON_S = 10.0  # within which a rate that is far off is flagged and told


def broken_promises(share: float, run: Run) -> list[str]:
    """One line for each promise that was not kept."""
    steady = 0.9 < share < 1.1
    tolerated = 5e-4 if steady else 5e-3
    checks = {
        "measured well": abs((run.measured_hz or 0) / RATE_HZ / share - 1) < tolerated,
        "no time stamp before the start": run.earliest_s >= 0,
        "no time stamp in the future": run.ahead_s <= 0,
        "told once, and the right rate not at all": len(run.logged) == (share != 1),
        "flagged": bool(run.flagged) != steady,
    }
    if not steady:
        flag, first_s = "slow" if share < 1 else "fast", run.first_flag_s
        told_s = run.logged[0][0] if run.logged else None
        checks |= {
            f"flagged {flag}": flag in run.flags,
            "flagged soon": first_s is not None and first_s <= SOON_S,
            "told soon": told_s is not None and told_s <= SOON_S,
        }
    return [promise for promise, kept in checks.items() if not kept]


def cell(run: Run) -> str:
    """The run in a few words."""
    told = f", told after {run.logged[0][0]:.0f} s" if run.logged else ""
    if not run.flagged:
        return f"{run.measured_hz:,.0f} Hz{told}; 0 of {run.windows:,} flagged"
    flags = ", ".join(f"`{flag}`" for flag in sorted(run.flags))
    return f"{run.measured_hz:,.0f} Hz{told}; {flags} after {run.first_flag_s:.1f} s"
