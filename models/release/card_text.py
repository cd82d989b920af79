"""The text of a model card beside its figures: for a released network, and for a user's own."""

from dataclasses import dataclass

from models.data.recipe import Recipe


@dataclass(frozen=True)
class CardText:
    """`command` says how the card was made; the others stand beside scores and limits."""

    command: str
    scores: str
    selection: str
    limits: str
    purpose: str = ""  # why the network exists, where that is not obvious


CONTROL = """It has no thresholds: it is there to be compared with `bearing`, as the live page does
(docs/PAGE.md). Same recipe, same layers and widths, without the sub-networks of the thresholds."""

TWO_BRANCH = """It sees the window's spectrum beside what `bearing-orders` sees, and so it knows the
machines that it was trained on: ahead of `bearing-orders` on these, behind it from one rig to
another (docs/TRIALS.md). It shows what `train --family drsn-twin` may give on recordings of your
own machine."""
PURPOSES = {"resnet": CONTROL, "drsn-twin": TWO_BRANCH}


def released(recipe: Recipe) -> CardText:
    """For a network in the zoo."""
    file = f"models/zoo/{recipe.name}.yaml"
    return CardText(
        command=_lines(
            f"This card and the file are written by one command, from `{file}`:",
            "",
            f"    python -m models release --recipe {file} --data DATA",
        ),
        scores="overlapping where recordings are short (`cwru` has one second of\nnormal here).",
        selection=_lines(
            "Settings and temperature were chosen on these same recordings: expect less elsewhere. "
            "The temperature is",
            f"{recipe.unseen_temperature:g} times the one that suits them, since a network is too "
            "sure of a machine that it never heard.",
        ),
        limits=_lines(
            "- Trained on a few test rigs with artificial faults. Another bearing, mount or speed "
            "is another",
            "  domain: record your own machine and train on that before you rely on an answer.",
        ),
        purpose=PURPOSES.get(recipe.family, ""),
    )


def for_user(command: str) -> CardText:
    """For a network that was trained on a user's recordings."""
    return CardText(
        command=_lines(
            "This card and the file are written by one command:",
            "",
            f"    {command}",
        ),
        scores="overlapping where recordings are\nshort.",
        selection=_lines(
            "Weights and temperature were chosen on these same recordings: expect less elsewhere, "
            "and less",
            "again on a machine, mount or speed that no recording is of.",
        ),
        limits=_lines(
            "- It knows the machines, mounts and speeds that were recorded. Another is another "
            "domain:",
            "  record that too, and train again.",
        ),
    )


def _lines(*lines: str) -> str:
    return "\n".join(lines)
