"""The tables of docs/BROKERS.md, from what came of the trials."""

from collections.abc import Sequence
from pathlib import Path

from tests import examples
from tests.brokers.recipe import Recipe
from tests.brokers.scenario import Outcome
from tests.support.paths import DOCS

DOCUMENT = DOCS / "BROKERS.md"
Trial = tuple[Recipe, Outcome | str]  # or why there is none
HEAD = (
    "broker",
    "`mqtt.version`",
    "numbers",
    "lost",
    "again",
    "in order",
    "last will",
    "it is retained",
    "state for a late subscriber",
    "discovery",
    "`offline` retained after SIGTERM",
)


def write(trials: Sequence[Trial]) -> None:
    """Puts both tables in the document."""
    text = examples.put(DOCUMENT.read_text(), "brokers", results(trials))
    DOCUMENT.write_text(examples.put(text, "lacks", lacks(trials)))


def results(trials: Sequence[Trial]) -> str:
    rows = [_row(recipe, outcome) for recipe, outcome in trials]
    return "\n".join((_line(HEAD), _line(["---"] * len(HEAD)), *map(_line, rows)))


def lacks(trials: Sequence[Trial]) -> str:
    """What each broker cannot do, and what the agent does about it; once for each broker."""
    head = ("broker", "set here", "what it cannot do", "what the agent does")
    rows = []
    for recipe, outcome in trials:
        if isinstance(outcome, str) or outcome.configured != "auto":
            continue
        pairs = _lacks(outcome) or [("nothing that the agent needs", "")]
        first = (title(recipe), recipe.settings)
        rows += [(*(first if not at else ("", "")), *pair) for at, pair in enumerate(pairs)]
    return "\n".join((_line(head), _line(["---"] * len(head)), *map(_line, rows)))


def title(recipe: Recipe) -> str:
    """With its version, for which its program may have to be fetched."""
    return f"{recipe.name} {recipe.version()} ({recipe.origin})"


def _row(recipe: Recipe, outcome: Outcome | str) -> Sequence[str]:
    if isinstance(outcome, str):
        return [title(recipe), outcome, *[""] * (len(HEAD) - 2)]
    arrived = outcome.arrived
    will = "none" if outcome.will_s is None else f"after {outcome.will_s:.1f} s"
    same = outcome.configured == outcome.used
    return (
        title(recipe),
        outcome.used if same else f"{outcome.configured}: {outcome.used}",
        f"1 to {arrived.last_seq}",
        str(arrived.lost),
        str(arrived.duplicates),
        _yes(arrived.in_order),
        will,
        _yes(outcome.will_retained),
        _yes(outcome.state_after_restart),
        _yes(outcome.described),
        _yes(outcome.farewell),
    )


def _lacks(outcome: Outcome) -> list[tuple[str, str]]:
    said = " ".join(outcome.remarks)
    rules = [
        (
            outcome.used == "3.1.1",
            "MQTT 5",
            f"takes 3.1.1 by itself (the broker {_how_refused(said)}): windows do not expire, and "
            "the last will is not delayed",
        ),
        (
            not outcome.state_after_restart,
            "retain messages",
            "publishes everything again after each connect and when Home Assistant starts; another "
            "late subscriber waits for the next change",
        ),
        (
            outcome.state_after_restart and not outcome.keeps_retained,
            "keep retained messages when it is killed",
            "publishes status, info, discovery and every state again after each connect",
        ),
        (
            outcome.state_after_restart and not outcome.by_wildcard,
            "give retained messages to a subscription with wildcards",
            "nothing: subscribe to the exact topics of states, as Home Assistant does",
        ),
        (
            "mqtt.will_delay_s is 0" in said,
            "retain a delayed last will",
            "asks for one without delay, so a short interruption is visible",
        ),
        (
            "QoS not supported" in said,
            "QoS 1",
            "sends with QoS 0, and after each message a request whose answer acknowledges it",
        ),
        ("is left out" in said, "take large packets", "leaves them out and names each topic once"),
        (outcome.will_s is None, "publish the last will", "nothing: watch `health`"),
        (bool(outcome.arrived.lost), "deliver every message", "nothing"),
    ]
    return [(cannot, does) for applies, cannot, does in rules if applies]


def _how_refused(said: str) -> str:
    return "does not answer to 5" if "does not answer" in said else "refuses 5"


def _yes(value: bool) -> str:
    return "yes" if value else "**no**"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def folder_name(recipe: Recipe, configured: str) -> Path:
    """For the files of one trial."""
    return Path(
        "-".join((recipe.name, recipe.origin, configured)).replace(" ", "-").replace(",", "")
    )
