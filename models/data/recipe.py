"""A training recipe: everything that decides how a network is trained (YAML). Free of torch."""

from pathlib import Path
from types import NoneType
from typing import Annotated

import msgspec
import yaml

from agent.core import bearing_names
from agent.core.bearing import Bearing
from agent.core.errors import ConditionError, UserError
from agent.core.model_contract import Decide, Task
from agent.sources.machine_simulator import FAULTS
from agent.sources.noise import KINDS
from models.data.noise import HEALTHY, RECORDED, TRAINING

Positive = Annotated[int, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One data set: a folder in the data root, and the purpose of each split."""

    folder: str
    train: tuple[str, ...] = ("train",)
    val: tuple[str, ...] = ("val",)
    test: tuple[str, ...] = ()  # for the report; empty: the report uses `val`
    channels: tuple[int, ...] = (0,)  # of each recording that the network reads
    rate_hz: Annotated[float, msgspec.Meta(gt=0)] | None = None  # of files that do not hold theirs
    variable: str = ""  # pattern of the signal in MATLAB files that hold several: '*_DE_time'
    speeds: tuple[float, ...] = (1.0,)  # training repeats each recording at these, relative
    bearing: Bearing | None = None  # of the machine; the shaft's speed is the manifest's rpm
    terms: str = ""  # licence and citation, for the card


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fresh noise for every training window; `snr_db` is drawn uniformly from this range.

    With `background`, the name of a training data set, the kind 'recorded' uses pieces of it. The
    kind 'healthy' is the healthy vibration of the window's own machine.
    """

    kinds: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = KINDS
    snr_db: tuple[float, float] = (-8.0, 10.0)
    clean: Share = 0.2
    background: str = ""

    def __post_init__(self) -> None:
        kinds = (*TRAINING, HEALTHY, *([RECORDED] if self.background else []))
        if not set(self.kinds) <= set(kinds):
            raise ValueError(f"kinds: found {self.kinds}, expected some of {', '.join(kinds)}")


class RunningInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How training degrades the machine's speed and orders, so that a network can do without."""

    rpm_off: Share = 0.02  # the speed is off by up to this share: slip, nominal speeds
    no_orders: Share = 0.1  # share of windows without the bearing's orders
    nothing: Share = 0.2  # share of windows with neither speed nor orders


class Simulated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Simulated machines beside the recordings: number, length, share of windows."""

    machines: Positive = 48  # like that of the demo
    random: Annotated[int, msgspec.Meta(ge=0)] = 0  # of random bearing, speed and structure
    seconds: float = 2.0
    share: Share = 0.25


class Stopping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Early stopping: noisy validation windows are scored, and the best weights kept."""

    every: Positive = 50  # steps
    patience: Positive = 8  # scores without a better one before training ends


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides the result of a training, except the recordings."""

    name: str
    version: str = "1"
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    normal: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    rate_hz: Annotated[float, msgspec.Meta(gt=0)]
    window: Positive
    unit: str = "any"
    family: str = "drsn-cw"
    preset: str = "deploy"
    controls: tuple[str, ...] = ()  # families trained alike, for the card
    steps: Positive = 1500
    batch: Annotated[int, msgspec.Meta(ge=2)] = 128
    learning_rate: Annotated[float, msgspec.Meta(gt=0)] = 3e-3
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 1e-2
    warm_up: Share = 0.05
    seed: int = 0
    normal_share: Share | None = None  # of the training windows; None: every label equally often
    colour_db: Annotated[float, msgspec.Meta(ge=0)] = 0.0  # of a random equalizer: augmentation
    noise: Noise = Noise()
    running: RunningInput = msgspec.field(default=RunningInput(), name="told")
    unknown_rate: Annotated[float, msgspec.Meta(gt=0, lt=1)] = (
        0.001  # share of known windows called unknown
    )
    unseen_temperature: Annotated[float, msgspec.Meta(ge=1, le=10)] = (
        1.0  # times the temperature of the validation windows: of machines that were left out
    )
    data: tuple[Source, ...]
    simulated: Simulated | None = None
    stopping: Stopping | None = None  # None: all steps are done and the last weights kept
    task: Task = "diagnosis"  # detection: the labels are looked for, and no faults
    decide: Decide = Decide()
    licence: str = ""

    def __post_init__(self) -> None:
        if not set(self.normal) <= set(self.labels):
            raise ValueError(f"normal: found {self.normal}, expected some of {self.labels}")
        if len({len(source.channels) for source in self.data}) != 1:
            raise ValueError("data: expected at least one set, and as many channels in each")
        if self.simulated and not set(FAULTS) <= set(self.labels):
            raise ValueError(f"simulated: expected the labels {', '.join(FAULTS)}")

    @property
    def channels(self) -> int:
        return len(self.data[0].channels)


def load(path: Path) -> Recipe:
    """Reads a recipe from a YAML file; raises UserError where it is missing or invalid."""
    try:
        fields = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConditionError(f"{path}: {error.strerror}, expected a recipe") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}") from None
    return checked(fields, str(path))


def text(recipe: Recipe) -> str:
    """The recipe as YAML, every key in it."""
    return yaml.safe_dump(msgspec.to_builtins(recipe), sort_keys=False)


def checked(fields: object, origin: str) -> Recipe:
    """The recipe of `fields`; raises a UserError that begins with `origin` where it is invalid."""
    try:
        return msgspec.convert(_with_bearings(fields), Recipe)
    except (msgspec.ValidationError, ValueError) as error:
        raise UserError(f"{origin}: {error}") from None


def _with_bearings(fields: object) -> object:
    """The same fields with a mapping for each bearing that is a name or a list of orders."""
    if not isinstance(fields, dict) or not isinstance(fields.get("data"), list):
        return fields
    return fields | {"data": [_with_bearing(source) for source in fields["data"]]}


def _with_bearing(source: object) -> object:
    if not isinstance(source, dict) or isinstance(source.get("bearing"), dict | NoneType):
        return source
    try:
        keys = msgspec.structs.asdict(bearing_names.bearing(source["bearing"]))
    except ValueError as error:
        found = source["bearing"]
        raise ValueError(f"data.bearing: found {found!r}, expected {error}") from None
    return source | {"bearing": {key: value for key, value in keys.items() if value is not None}}
