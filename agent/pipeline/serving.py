"""The model that serves a source: a file of the zoo or the state directory, or none."""

from pathlib import Path

from agent import sources
from agent.config.source import SourceSettings
from agent.core.errors import ConfigError
from agent.core.model_contract import NO_NETWORK
from agent.inference import no_network, registry, variants
from agent.inference.classifier import Serving
from agent.inference.no_network import NoNetwork


def open_serving(
    settings: SourceSettings,
    state_dir: Path,
    models: dict[str, Serving],
    *,
    fastest: bool,
) -> Serving:
    """The model of that source; `UserError`.

    One that several sources share is loaded once: `models` holds those that are loaded, by name,
    and receives what is loaded here. `fastest` takes the variant that is fastest on this machine.
    """
    name = settings.common.model
    if name == NO_NETWORK:
        return _without_network(settings)
    if name not in models:
        file = registry.find(state_dir, name)
        models[name] = variants.open_model(file, state_dir if fastest else None)
    return models[name]


def file_of(name: str, state_dir: Path) -> Path | None:
    """The file that is run for a model's name; None for `none`."""
    return None if name == NO_NETWORK else variants.served(name, state_dir)


def sha256_of(name: str, state_dir: Path) -> str:
    """The digest of that file."""
    file = file_of(name, state_dir)
    return no_network.SHA256 if file is None else variants.sha256(file)


def _without_network(settings: SourceSettings) -> NoNetwork:
    """Rate and channels are the source's own, since there is no model that fixes them."""
    declared = sources.declared(settings.common.kind, settings.options)
    if settings.common.kind == "file" and declared.channels is None:
        sources.open_source("file", settings.options).close()  # says why it cannot be read
    wanted = settings.common.channels
    channels = declared.channels if wanted is None else len(wanted)
    if declared.rate_hz is None:
        raise _missing("rate_hz")
    if channels is None:
        raise _missing("channels")
    return NoNetwork(declared.rate_hz, channels)


def _missing(key: str) -> ConfigError:
    return ConfigError(
        f"{key}: found nothing beside model: {NO_NETWORK}, expected the source's own"
    )
