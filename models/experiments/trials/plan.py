"""The plan of the trials: families, windows and seeds for each task. Free of torch."""

from dataclasses import dataclass
from pathlib import Path

from models.experiments.trials.table import REFERENCE, USUAL
from models.experiments.trials.tasks import TASKS, Task

TREES = "extra-trees"
STEPS, PER_CLASS = 400, 100
LEFT_OUT = tuple(name for name in TASKS if name.startswith("leave-"))
FORMS = (REFERENCE, "se-twin", "res-twin")  # the same network with thresholds, a gain, neither
ORDERS = ("drsn-order", "se-order", "res-order")  # the same without the spectrum branch
LONG = 8192  # frames, twice as many
PLAN = {  # family -> tasks
    **dict.fromkeys((REFERENCE, ORDERS[0]), tuple(TASKS)),
    **dict.fromkeys((*FORMS[1:], *ORDERS[1:]), ("ten", *LEFT_OUT)),
    **dict.fromkeys(
        ("resnet", "drsn-cw", "wdcnn", TREES),
        ("ten", *LEFT_OUT, "rig-mfs", "rig-self", "bearing"),
    ),
}
LONG_FAMILIES, LONG_TASKS = (TREES,), ("ten", *LEFT_OUT)
SEEDS, MANY_SEEDS = 3, 10  # many: of the three forms, where a severity is left out
QUICK_TASKS, SMOKE_TASKS = ("ten", "leave-14mil"), ("ten",)
SMOKE_FAMILIES, SMOKE_STEPS, SMOKE_PER_CLASS = (REFERENCE, "resnet"), 2, 4
RESULTS, DOCUMENT = Path("runs/trials.jsonl"), Path("docs/TRIALS.md")


@dataclass(frozen=True)
class Job:
    """Families to train on one task with one seed.

    `window` is in frames; `per_class` test windows of each class are evaluated.
    """

    task: Task
    families: tuple[str, ...]
    seed: int
    window: int = USUAL
    steps: int = STEPS
    per_class: int = PER_CLASS


def planned(task: str, seed: int, window: int) -> list[str]:
    """The families that are trained on a task with that seed and window."""
    if window == LONG:
        return [name for name in LONG_FAMILIES if task in LONG_TASKS and seed < SEEDS]
    many = FORMS if task in LEFT_OUT else ()
    return [
        family
        for family, tasks in PLAN.items()
        if task in tasks and seed < (MANY_SEEDS if family in many else SEEDS)
    ]
