"""The records of an evaluation; `models.evaluation.evaluate` makes them."""

import msgspec

SCHEMA = "drsn-evaluation/1"


class Figure(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval over recordings; None where no window has it."""

    value: float | None
    low: float | None
    high: float | None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Figures in one noise at one level. `noise` 'none' has no `snr_db`."""

    noise: str
    snr_db: int | None
    macro_f1: Figure
    recall: dict[str, Figure]
    missed_faults: Figure  # share of faulty windows called normal
    false_alarms_per_hour: Figure  # normal windows called a fault, at the hop of the agent
    calibration_error: float
    reliability: list[tuple[float, float, int]]  # mean confidence, share right, windows
    confusion: list[list[int]]  # true, predicted
    shrinkage: float | None  # mean, where the model reports it
    snr_error_db: float | None  # root mean square, where the model estimates it


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One model file on one folder."""

    schema: str
    model: dict[str, str]
    data: str
    split: str
    labels: tuple[str, ...]
    recordings: dict[str, str]  # file -> label
    windows: int
    hop_s: float
    seed: int
    conditions: list[Condition]
