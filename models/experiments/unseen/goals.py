"""The goals for machines that no network has seen, and which of them are reached."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from models.experiments.unseen import document
from models.experiments.unseen.document import Marks
from models.experiments.unseen.figures import NOTHING, Figures, Outcome, Share, Tally
from models.experiments.unseen.left_out import RIGS
from models.experiments.unseen.rows import BETWEEN_SPEEDS, COLOURS, HARMONICS, WITH, WITHOUT
from models.experiments.unseen.unknown import Catch

MARKS: Marks = ("<!-- goals: make unseen -->", "<!-- end of goals -->")
NAMED: tuple[Outcome, ...] = ("right", "wrong")
DETECTED: tuple[Outcome, ...] = ("right", "wrong", "unknown")
LEFT_OUT = tuple(left.rig for left in RIGS)


@dataclass(frozen=True)
class Evidence:
    """All that goals are judged by; `before` is the agent as it was, without controls."""

    now: Sequence[Figures]
    before: Sequence[Figures]
    trained: Sequence[Figures]
    catch: Catch  # by the limit that the networks have
    femto: tuple[Share, Share] | None = None  # alarms before the end; none too early; None: no data


@dataclass(frozen=True)
class Goal:
    """A figure and its bound: at least it, or at most it."""

    figure: str
    now: Share
    bound: float
    before: Share | None = None
    at_least: bool = True

    @property
    def reached(self) -> bool:
        ratio = self.now.ratio
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def cells(self) -> str:
        missed = "" if self.reached or not self.now.total else ", **missed**"
        before = "-" if self.before is None else str(self.before)
        return f"| {self.figure} | {before} | {self.now} | {self._bound()}{missed} |"

    def _bound(self) -> str:
        if self.bound == float(self.at_least):
            return "all" if self.at_least else "0"
        return f"{'at least' if self.at_least else 'at most'} {100 * self.bound:g} %"


def table(evidence: Evidence) -> Iterator[str]:
    """Markdown; recordings but where windows are named."""
    yield "| figure | before | now | goal |"
    yield "|---|---|---|---|"
    for part in (_healthy, _left_out, _sounds, _controls, _network, _trained, _femto):
        yield from (goal.cells() for goal in part(evidence))


def _tally(figures: Sequence[Figures], row: str, wanted: Callable[[str], bool]) -> Tally:
    """Recordings of a row, of those machines."""
    own = document.of_row(figures, row).values()
    members = [each for each in own if wanted(each.machine)]
    return document.total(members, document.UNITS["recordings"])


def _real(machine: str) -> bool:
    return machine != document.SIMULATED


def _is_left_out(machine: str) -> bool:
    return machine in LEFT_OUT


def _healthy(evidence: Evidence) -> Iterator[Goal]:
    bounds: tuple[tuple[str, Outcome, bool, dict[str, float]], ...] = (
        ("called normal", "normal", True, {WITH: 0.95, WITHOUT: 0.8}),
        ("named faulty", "faulty", False, {WITH: 0.0, WITHOUT: 0.03}),
    )
    for words, outcome, at_least, limits in bounds:
        for row, bound in limits.items():
            now = _tally(evidence.now, row, _real).share("healthy", outcome)
            before = _tally(evidence.before, row, _real).share("healthy", outcome)
            yield Goal(f"healthy {words}, {row}", now, bound, before, at_least)


def _left_out(evidence: Evidence) -> Iterator[Goal]:
    now = _tally(evidence.now, WITH, _is_left_out)
    before = _tally(evidence.before, WITH, _is_left_out)
    words = f"bearing faults of rigs left out, {WITH}"
    bounds: tuple[tuple[str, Outcome, float], ...] = (
        ("right", "right", 0.7),
        ("wrong", "wrong", 0.03),
        ("called normal", "missed", 0.0),
    )
    for name, outcome, bound in bounds:
        shares = now.share("bearing", outcome), before.share("bearing", outcome)
        yield Goal(f"{words}: {name}", shares[0], bound, shares[1], outcome == "right")


def _sounds(evidence: Evidence) -> Iterator[Goal]:
    """Before, commissioning refused these."""
    beyond: tuple[Outcome, ...] = ("unknown", "faulty")
    pieces = _tally(evidence.now, WITH, "air_compressor".__eq__)
    words = "compressor: healthy pieces beyond"
    yield Goal(words, pieces.share("healthy", *beyond), 0.0, at_least=False)
    flights = _tally(evidence.now, WITH, "uav_propeller".__eq__)
    words = "quadrotor: healthy flights beyond"
    yield Goal(words, flights.share("healthy", *beyond), 0.0, at_least=False)
    yield Goal("quadrotor: broken propellers found", flights.share("other", *DETECTED), 1.0)


def _controls(evidence: Evidence) -> Iterator[Goal]:
    names = [f"{WITH}, {colour} noise at 5 dB that comes later" for colour in COLOURS]
    noisy = [_tally(evidence.now, name, _real) for name in names]
    words = "noise at 5 dB in the band that is heard, that comes later, the worst of four colours"
    beyond = [tally.share("healthy", "unknown", "faulty") for tally in noisy]
    yield Goal(f"{words}: healthy beyond", _most(beyond), 0.02, at_least=False)
    found = [tally.share("bearing", *DETECTED) for tally in noisy]
    yield Goal("the same: bearing faults found", _least(found), 0.95)
    speeds = _tally(evidence.now, BETWEEN_SPEEDS, _real)
    named = speeds.share("healthy", "faulty") + speeds.share("bearing", *NAMED)
    words = "a speed between two commissioned ones: named faulty, of healthy and faulty"
    yield Goal(words, named, 0.0, at_least=False)
    for row in (WITHOUT, WITH):
        swings = [
            _tally(evidence.now, f"{row}, level swings at {n}x shaft", _real) for n in HARMONICS
        ]
        named = _most([tally.share("healthy", "faulty") for tally in swings])
        words = f"healthy, a level that swings at 1x to 6x of the shaft, the worst, {row}"
        yield Goal(f"{words}: named faulty", named, 0.0, at_least=False)
        hour = _tally(evidence.now, row, document.SIMULATED.__eq__)
        words = f"an hour of healthy simulated machines, third harmonic, belt, knock, {row}"
        yield Goal(f"{words}: named faulty", hour.share("healthy", "faulty"), 0.0, at_least=False)


def _network(evidence: Evidence) -> Iterator[Goal]:
    sides = [
        [f.sureness for f in figures if f.row == WITHOUT and _is_left_out(f.machine)]
        for figures in (evidence.now, evidence.before)
    ]
    wrong = [sum((each.sure_wrong for each in side), NOTHING) for side in sides]
    right = [sum((each.sure_right for each in side), NOTHING) for side in sides]
    words = "windows of the rigs left out: > 0.9 sure and wrong"
    yield Goal(words, wrong[0], 0.02, wrong[1], at_least=False)
    yield Goal("right windows > 0.9 sure", right[0], 0.5, right[1])
    yield Goal("confident errors that `max_distance` catches", evidence.catch.errors, 0.6)
    words = "right windows that it costs"
    yield Goal(words, evidence.catch.right, 0.03, at_least=False)


def _trained(evidence: Evidence) -> Iterator[Goal]:
    for row in (WITHOUT, WITH):
        tally = _tally(evidence.trained, row, _real)
        words = f"rigs of training, validation side, {row}: bearing faults right"
        yield Goal(words, tally.share("bearing", "right"), 0.99)


def _femto(evidence: Evidence) -> Iterator[Goal]:
    found, quiet = evidence.femto or (NOTHING, NOTHING)
    yield Goal("`femto`: alarm before 90 % of life", found, 1.0)
    yield Goal("`femto`: none in the first 40 %", quiet, 1.0)


def _most(shares: Sequence[Share]) -> Share:
    return max(shares, key=lambda share: share.count, default=NOTHING)


def _least(shares: Sequence[Share]) -> Share:
    return min(shares, key=lambda share: share.count, default=NOTHING)
