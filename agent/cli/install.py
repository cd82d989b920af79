"""`install`: orders the agent of that configuration to try a bundle, or to go back."""

import argparse
from pathlib import Path

from agent.cli import config_option
from agent.config import load
from agent.config import rollout as keys
from agent.config.load import Config
from agent.control.rollout import status
from agent.core import state_directory
from agent.core.errors import ConditionError, ConfigError, UserError
from agent.core.model_contract import NO_NETWORK
from agent.inference import bundle as bundles
from agent.inference import model_store, registry
from agent.inference.bundle import Bundle


def define(parser: argparse.ArgumentParser) -> None:
    def install(arguments: argparse.Namespace) -> int:
        config = load.load(arguments.config)
        state_dir = Path(config.agent.state_dir)
        if arguments.list:
            names = [source.common.model for source in config.sources]
            for name in dict.fromkeys(name for name in names if name != NO_NETWORK):
                print(status.describe(state_dir, name))
            return 0
        if (arguments.bundle is None) == (arguments.rollback is None):
            raise UserError("install: expected one of a bundle, --rollback NAME and --list")
        if arguments.rollback is not None:
            _rollback(state_dir, arguments.rollback)
        else:
            _install(config, state_dir, arguments.bundle, arguments.allow_downgrade)
        return 0

    parser.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE")
    config_option.define(parser)
    parser.add_argument(
        "--allow-downgrade", action="store_true", help="also a version that is not newer"
    )
    parser.add_argument("--rollback", metavar="NAME", help="go back to what ran before")
    parser.add_argument("--list", action="store_true", help="show which file of each model runs")
    parser.set_defaults(run=install)


def _install(config: Config, state_dir: Path, file: Path, allow_downgrade: bool) -> None:
    rollout = config.rollout
    trusted = [keys.raw_key(Path(key), "rollout.keys") for key in rollout.keys]
    data = _read(file, round(rollout.max_mib * 2**20))
    bundle = bundles.unpack(data, trusted, str(file))
    name = bundle.manifest.name
    if name not in [source.common.model for source in config.sources]:
        raise UserError(f"{file}: found the model {name}, expected one that a source names")
    registry.check_version(state_dir, bundle, allow_downgrade)
    signed = "signed" if bundle.signed else "not verified: rollout.keys names no key"
    print(f"{file}: {name} {bundle.manifest.version}, {signed}")
    if _is_first(state_dir, bundle):
        _install_first(state_dir, bundle)
        print(f"{name}: installed, the first of its name: there is nothing to try it beside")
        return
    model_store.put_order(state_dir, name, "downgrade" if allow_downgrade else "install", data)
    _report(state_dir, f"{name}: tried beside the present model for {rollout.shadow_s:g} s")


def _install_first(state_dir: Path, bundle: Bundle) -> None:
    try:
        with state_directory.as_owner(state_dir):
            registry.first(state_dir, bundle)
    except OSError as error:
        raise ConditionError(f"agent.state_dir: {state_dir}: cannot be written: {error}") from None


def _is_first(state_dir: Path, bundle: Bundle) -> bool:
    if state_directory.in_use(state_dir):
        return False
    try:
        registry.find(state_dir, bundle.manifest.name)
    except ConfigError:
        return True
    return False


def _rollback(state_dir: Path, name: str) -> None:
    standing = model_store.standing(state_dir, name)
    if standing.present is None and standing.candidate is None:
        raise UserError(f"{name}: found the zoo's model, expected one that was installed")
    model_store.put_order(state_dir, name, "back", b"")
    _report(state_dir, f"{name}: goes back")


def _report(state_dir: Path, what: str) -> None:
    when = "now" if state_directory.in_use(state_dir) else "when an agent starts: none runs"
    print(f"{what}, {when} ({state_dir})")


def _read(file: Path, max_bytes: int) -> bytes:
    """A person may name a link here, unlike in the state directory."""
    try:
        with file.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise ConditionError(f"{file}: cannot be read: {error.strerror}") from None
    if len(data) > max_bytes:
        raise UserError(f"{file}: found more than {max_bytes} bytes (rollout.max_mib)")
    return data
