"""What a model card says beside its figures: of a released network, and of a user's own."""

from dataclasses import dataclass

from models.data.recipe import Recipe


@dataclass(frozen=True)
class CardText:
    """`made` says by which command; the others stand under the scores and above the limits."""

    made: str
    scores: str
    chosen: str
    limits: str
    purpose: str = ""  # of a network that is there for a reason of its own


CONTROL = """It has no thresholds: it is there to be compared with `bearing`, as the live page does
(docs/PAGE.md). Same recipe, same layers and widths, without the sub-networks of the thresholds."""

TWIN = """It sees the window's spectrum beside what `bearing-orders` sees, and so it knows the
machines that it was trained on: ahead of `bearing-orders` on these, behind it from one rig to
another (docs/TRIALS.md). It shows what `train --family drsn-twin` may give on recordings of your
own machine."""
PURPOSES = {"resnet": CONTROL, "drsn-twin": TWIN}


def released(recipe: Recipe) -> CardText:
    """For a network in the zoo."""
    file = f"models/zoo/{recipe.name}.yaml"
    return CardText(
        made=_lines(
            f"This card and the file are written by one command, from `{file}`:",
            "",
            f"    python -m models release --recipe {file} --data DATA",
        ),
        scores="overlapping where recordings are short (`cwru` has one second of\nnormal here).",
        chosen=_lines(
            "Settings and temperature were chosen on these same recordings: expect less elsewhere."
        ),
        limits=_lines(
            "- Trained on a few test rigs with artificial faults. Another bearing, mount or speed "
            "is another",
            "  domain: record your own machine and train on that before you rely on an answer.",
        ),
        purpose=PURPOSES.get(recipe.family, ""),
    )


def own(command: str) -> CardText:
    """For a network that a user's recordings made."""
    return CardText(
        made=_lines(
            "This card and the file are written by one command:",
            "",
            f"    {command}",
        ),
        scores="overlapping where recordings are\nshort.",
        chosen=_lines(
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
