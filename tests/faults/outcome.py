"""What an injection is, and what came of it."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .world import World


class Skip(Exception):  # noqa: N818 - it is no error
    """This machine cannot do the injection; the text says why."""


@dataclass(frozen=True)
class Check:
    """One thing that was counted, and whether it is as promised."""

    what: str
    observed: object
    passed: bool = True

    def __str__(self) -> str:
        text = f"{self.what} {_shown(self.observed)}"
        return text if self.passed else f"**{text}**"


def at_most(what: str, observed: float, bound: float, unit: str = "") -> Check:
    """A check that shows its bound."""
    return Check(what, f"{_shown(observed)}{unit} (at most {_shown(bound)})", observed <= bound)


def none(what: str, observed: int | Collection[object]) -> Check:
    """A check that there is none of these; where they are not only counted, some are named."""
    if isinstance(observed, int):
        return Check(what, observed, observed == 0)
    named = f": {', '.join(map(str, list(observed)[:5]))}" if observed else ""
    return Check(what, f"{len(observed):,}{named}", not observed)


@dataclass(frozen=True)
class Injection:
    """What is done to the agent, what must be so, and the function that does it."""

    name: str
    words: str
    promise: str
    run: "Callable[[World], list[Check]]"
    short: bool  # its quick size belongs to `make test`


@dataclass(frozen=True)
class Outcome:
    """One row of the table."""

    injection: Injection
    checks: Sequence[Check]
    seconds: float
    skipped: str | None = None

    @property
    def passed(self) -> bool:
        return self.skipped is None and all(check.passed for check in self.checks)

    @property
    def verdict(self) -> str:
        return "skipped" if self.skipped else "pass" if self.passed else "**FAIL**"

    @property
    def counted(self) -> str:
        return self.skipped or "; ".join(map(str, self.checks))


INJECTIONS: dict[str, Injection] = {}


def injection(
    words: str, promise: str, short: bool = False
) -> "Callable[[Callable[[World], list[Check]]], Callable[[World], list[Check]]]":
    """Puts the function in the table, under its own name."""

    def note(run: "Callable[[World], list[Check]]") -> "Callable[[World], list[Check]]":
        INJECTIONS[run.__name__] = Injection(run.__name__, words, promise, run, short)
        return run

    return note


def _shown(value: object) -> str:
    if isinstance(value, float):
        return "never" if math.isinf(value) else f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
