"""Whether a source's rate and channels carry the model; `ConfigError` where they do not."""

from agent.config.source import SourceSettings
from agent.core.errors import ConfigError
from agent.core.model_contract import NO_NETWORK, Contract
from agent.core.types import Format

MOST_LISTED = 16  # channels in a message


def check_rate(rate_hz: float, contract: Contract) -> None:
    """A source that is too slow lacks the band in which the network has learned to hear.

    Resampled to the model's rate its windows are mostly called normal, whatever the machine does
    (`python -m benchmarks.source_rate`).
    """
    if rate_hz < contract.least_rate_hz:
        raise ConfigError(
            f"rate_hz: found {rate_hz:g}, expected at least {contract.least_rate_hz:g} for the "
            f"model {contract.name} ({contract.rate_hz:g} Hz): write model: {NO_NETWORK}, which "
            "watches by a baseline, or name a model that was trained at this rate"
        )


def channels(settings: SourceSettings, contract: Contract, source: Format) -> tuple[int, ...]:
    """The source's channels that the model reads."""
    wanted, tacho = settings.common.channels, settings.common.tacho
    last = source.channels - 1
    if tacho is not None and tacho.channel > last:
        raise ConfigError(f"tacho.channel: found {tacho.channel}, expected one of 0 to {last}")
    if wanted is None and source.channels != contract.channels:
        raise ConfigError(
            f"channels: found {source.channels} in the source{_listed(source)}, expected the "
            f"{contract.channels} of the model {contract.name}: {_advice(contract, source)}"
        )
    wanted = tuple(range(source.channels)) if wanted is None else wanted
    if len(wanted) != contract.channels or max(wanted) > last:
        raise ConfigError(
            f"channels: found {list(wanted)}, expected {contract.channels} of 0 to {last}"
        )
    if counting := set(wanted) & set(source.counting):
        raise ConfigError(
            f"channels: found {_named(min(counting), source)}, which counts frames or time and is "
            f"no signal: {_advice(contract, source)}"
        )
    return wanted


def _advice(contract: Contract, source: Format) -> str:
    """Which channels to choose: the first that move and do not count."""
    others = {*source.counting, *source.still}
    signals = [number for number in range(source.channels) if number not in others]
    if len(signals) < contract.channels:
        return f"name a model of {len(signals)} channel(s), or write model: {NO_NETWORK}"
    return f"choose, e.g. channels: {signals[: contract.channels]}"


def _listed(source: Format) -> str:
    """The channels by number and name, where a user needs that to choose; else nothing."""
    if not (source.names or source.counting or source.still) or source.channels > MOST_LISTED:
        return ""
    notes = dict.fromkeys(source.still, " stands still")
    notes |= dict.fromkeys(source.counting, " counts")
    every = (_named(number, source) + notes.get(number, "") for number in range(source.channels))
    return f" ({', '.join(every)})"


def _named(number: int, source: Format) -> str:
    name = f" {source.names[number]}" if source.names else ""
    return f"{number}{name}"
