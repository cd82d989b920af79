"""One entry of `sources` in the configuration: the common keys and those of its kind.

A kind's own options are defined where the kind is (`agent/sources/<kind>.py`, `Options`) and stand
beside the common keys in the file.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from agent import sources
from agent.config import model_choice, published
from agent.config.alarms import AlarmOverrides
from agent.config.published import Published
from agent.config.validation import convert, show, unknown_key
from agent.core import bearing_names, credentials
from agent.core.annotated import Name, Positive, Rpm, Seconds, Share
from agent.core.bearing import Bearing, MachineClass, Orders
from agent.core.errors import ConfigError
from agent.core.model_contract import Decide
from agent.core.place import Place

Channel = Annotated[int, msgspec.Meta(ge=0, le=254)]

Bits = Annotated[int, msgspec.Meta(ge=8, le=32)]

MeasureSeconds = Annotated[float, msgspec.Meta(ge=0, le=86400)]
LEAST_MEASURE_S = 1.0  # measuring costs tens of milliseconds of the thread that scores

ACCELERATION = ("m/s2", "g")  # units from which a velocity can be computed


class DecideOverrides(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Overrides of the model's decision settings (`agent.core.model_contract.Decide`)."""

    enter: Share | None = None
    exit: Share | None = None
    patience: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    confidence: Share | None = None
    smoothing: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    max_distance: Positive | None = None  # the model's own `max_distance`; .inf: never unknown

    def over(self, defaults: Decide) -> Decide:
        """`defaults` with every key that is set here replaced."""
        overrides = {
            key: value
            for key, value in msgspec.structs.asdict(self).items()
            if value is not None and key != "max_distance"
        }
        return msgspec.structs.replace(defaults, **overrides)


class TachometerKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel of the source that pulses with the shaft."""

    channel: Channel
    pulses_per_turn: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    level: Annotated[float, msgspec.Meta(gt=0, le=1e12)] = (
        0.5  # of the raw samples: a pulse rises above it
    )


class SourceKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys that every kind of source has."""

    name: Name
    kind: str
    model: str = model_choice.AUTO  # a name in the zoo, a file, `auto` or `none`
    hop_s: Seconds = 0.1
    channels: Annotated[tuple[Channel, ...], msgspec.Meta(max_length=255)] | None = (
        None  # None: all
    )
    scale: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)] = 1.0  # not 0
    bits: Bits | None = None  # of the converter, where its words are wider; None: found in the data
    unit: str | None = None
    buffer_s: Seconds = 10.0
    publish_windows: bool = False
    measure_s: MeasureSeconds = 10.0  # between two measurements; 0: none
    rpm: Rpm | None = None  # of the shaft; None: unknown
    tacho: TachometerKeys | None = None  # measures the shaft's speed
    bearing: Bearing | None = None
    machine_class: MachineClass | None = None
    speed: Published | None = None  # of the shaft, published by another device
    condition: str | Published | None = None  # of the machine, e.g. its load: each is commissioned
    load: float | Published | None = None  # of the machine, in percent
    temperature: float | Published | None = None  # of the machine, in degrees Celsius
    running: bool | Published | None = None  # false: the machine is stopped, and nothing is judged
    decide: DecideOverrides = DecideOverrides()
    alarms: AlarmOverrides = AlarmOverrides()
    maintenance: bool = False  # people work on the machine: no alarm is raised

    @property
    def orders(self) -> Orders | None:
        return None if self.bearing is None else self.bearing.orders

    @property
    def speed_known(self) -> bool:
        """Whether the shaft's speed is configured, measured or published."""
        return any(each is not None for each in (self.rpm, self.tacho, self.speed))

    @property
    def condition_published(self) -> bool:
        """Whether a baseline is compared by something that others publish, beside the speed."""
        ranged = (self.load, self.temperature)
        return isinstance(self.condition, Published) or any(
            isinstance(item, Published) and item.limits for item in ranged
        )

    @property
    def condition_name(self) -> str | None:
        """The condition as configured; None where it is published."""
        return self.condition if isinstance(self.condition, str) else None


class SourceSettings(msgspec.Struct, frozen=True):
    """One source: the common keys, and the options of its kind."""

    path: str  # its key path in the file, for error messages
    common: SourceKeys
    options: msgspec.Struct
    model_choice: str | None = None  # why `auto` chose the model; None: the file names it
    device: str | None = None  # the source whose point this is; None: it is no point
    direction: str | None = None  # that a point measures in
    place: Place | None = None  # with the machine that it belongs to

    @property
    def reads(self) -> str:
        """The device: what has the same is read together."""
        return self.device or self.common.name


def parse(raw: Mapping[str, Any], path: str, *beside: str) -> SourceSettings:
    """Splits the keys of one source into the common ones and those of its kind; `ConfigError`.

    A key that both have (the speed of a simulated machine) goes to both. `beside`: keys that the
    caller has read, for the advice where a key is not known.
    """
    kind = raw.get("kind")
    if kind not in sources.KINDS:
        found = "no kind" if kind is None else show(kind)
        raise ConfigError(f"{path}.kind: found {found}, expected one of {', '.join(sources.KINDS)}")
    options = sources.options(str(kind))
    common_keys, option_keys = SourceKeys.__struct_fields__, options.__struct_fields__
    for key in raw:
        if key not in common_keys and key not in option_keys:
            raise unknown_key(path, key, (*common_keys, *option_keys, *beside))
    raw = dict(raw) | _bearing(raw, path)
    common = convert({k: v for k, v in raw.items() if k in common_keys}, SourceKeys, path)
    _check_measuring(common, path)
    option_values = {k: v for k, v in raw.items() if k in option_keys}
    own = credentials.resolve(convert(option_values, options, path))
    common = _with_unit(common, own)
    _check_machine(common, path)
    return _with_model(SourceSettings(path, common, own))


def _bearing(raw: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The bearing as a mapping, where the file names it or has its four orders in a list."""
    value = raw.get("bearing")
    if value is None or isinstance(value, dict):
        return {}
    try:
        bearing = bearing_names.bearing(value)
    except ValueError as error:
        found = show(value)
        raise ConfigError(f"{path}.bearing: found {found}, expected {error}") from None
    keys = msgspec.structs.asdict(bearing)
    return {"bearing": {key: number for key, number in keys.items() if number is not None}}


def _with_unit(common: SourceKeys, options: msgspec.Struct) -> SourceKeys:
    """With the unit that a recording has of itself, where no key says anything of it."""
    if common.kind != "file" or common.unit is not None or common.scale != 1.0:
        return common
    units = sources.declared(common.kind, options).units
    read = common.channels or range(len(units))
    found = {units[channel] for channel in read if channel < len(units)}
    return msgspec.structs.replace(common, unit=found.pop()) if len(found) == 1 else common


def _with_model(settings: SourceSettings) -> SourceSettings:
    """The settings with the model that `auto` stands for."""
    common = settings.common
    if common.model != model_choice.AUTO:
        return settings
    rate_hz = sources.declared(common.kind, settings.options).rate_hz
    model, why = model_choice.choose(rate_hz, common.speed_known, common.bearing is not None)
    common = msgspec.structs.replace(common, model=model)
    return msgspec.structs.replace(settings, common=common, model_choice=why)


def _check_measuring(common: SourceKeys, path: str) -> None:
    if 0 < common.measure_s < LEAST_MEASURE_S:
        raise ConfigError(
            f"{path}.measure_s: found {common.measure_s:g}, expected 0 (no measurements) or at "
            f"least {LEAST_MEASURE_S:g}"
        )


def _check_machine(common: SourceKeys, path: str) -> None:
    """Bearing orders need a speed, and a machine class needs a unit of acceleration."""
    if common.scale == 0 or math.isnan(common.scale):
        raise ConfigError(
            f"{path}.scale: found {common.scale:g}, expected a factor that leaves a signal"
        )
    if common.bearing is not None and not common.speed_known:
        raise ConfigError(f"{path}.bearing: found no rpm or tacho beside it, expected the speed")
    if common.speed is not None and (common.rpm is not None or common.tacho is not None):
        other = "rpm" if common.rpm is not None else "tacho"
        raise ConfigError(f"{path}.speed: found {other} beside it, expected one of the two")
    published.check(common, path)
    if common.machine_class is not None and common.unit not in ACCELERATION:
        found = "no unit" if common.unit is None else f"unit {common.unit!r}"
        expected = " or ".join(ACCELERATION)
        raise ConfigError(f"{path}.machine_class: found {found} beside it, expected {expected}")
