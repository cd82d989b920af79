"""Whether a source's rate and channels carry the model; `ConfigError` where they do not."""

from agent.config.source import SourceSettings
from agent.core.errors import ConfigError
from agent.core.model_contract import NO_NETWORK, Contract


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


def channels(settings: SourceSettings, contract: Contract, available: int) -> tuple[int, ...]:
    """The source's channels that the model reads."""
    wanted, tacho = settings.common.channels, settings.common.tacho
    last = available - 1
    if tacho is not None and tacho.channel >= available:
        raise ConfigError(f"tacho.channel: found {tacho.channel}, expected one of 0 to {last}")
    if wanted is None and available != contract.channels:
        advice = f"choose, e.g. channels: {list(range(contract.channels))}"
        if available < contract.channels:
            advice = f"name a model of {available} channel(s), or write model: {NO_NETWORK}"
        raise ConfigError(
            f"channels: found {available} in the source, expected the {contract.channels} "
            f"of the model {contract.name}: {advice}"
        )
    wanted = tuple(range(available)) if wanted is None else wanted
    if len(wanted) != contract.channels or max(wanted) >= available:
        raise ConfigError(
            f"channels: found {list(wanted)}, expected {contract.channels} of 0 to {last}"
        )
    return wanted
