"""`install`: hands a bundle, or the wish to go back, to the agent of that configuration."""

import argparse
from pathlib import Path

from agent.config import load
from agent.config import rollout as keys
from agent.config.load import Config
from agent.control.rollout import status
from agent.core import state_directory
from agent.core.errors import ConfigError, UserError
from agent.inference import bundle, model_store, registry
from agent.inference.bundle import Bundle


def define(parser: argparse.ArgumentParser) -> None:
    def install(chosen: argparse.Namespace) -> int:
        loaded = load.load(chosen.config)
        state_dir = Path(loaded.agent.state_dir)
        if chosen.list:
            for name in dict.fromkeys(source.common.model for source in loaded.sources):
                print(status.standing(state_dir, name))
            return 0
        if (chosen.bundle is None) == (chosen.rollback is None):
            raise UserError("install: expected one of a bundle, --rollback NAME and --list")
        if chosen.rollback is not None:
            _rollback(state_dir, chosen.rollback)
        else:
            _install(loaded, state_dir, chosen.bundle, chosen.allow_downgrade)
        return 0

    parser.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--allow-downgrade", action="store_true", help="also a version that is not newer"
    )
    parser.add_argument("--rollback", metavar="NAME", help="go back to what ran before")
    parser.add_argument("--list", action="store_true", help="tell which file of each model runs")
    parser.set_defaults(run=install)


def _install(loaded: Config, state_dir: Path, file: Path, lower: bool) -> None:
    rollout = loaded.rollout
    trusted = [keys.raw_key(Path(each), "rollout.keys") for each in rollout.keys]
    data = _read(file, round(rollout.max_mib * 2**20))
    found = bundle.unpack(data, trusted, str(file))
    name = found.manifest.name
    if name not in [source.common.model for source in loaded.sources]:
        raise ConfigError(f"{file}: found the model {name}, expected one that a source names")
    registry.check_version(state_dir, found, lower)
    signed = "signed" if found.signed else "not verified: rollout.keys names no key"
    print(f"{file}: {name} {found.manifest.version}, {signed}")
    if _is_first(state_dir, found):
        registry.first(state_dir, found)
        made = model_store.root(state_dir)
        state_directory.own(state_dir, made, *made.rglob("*"))
        print(f"{name}: installed, the first of its name: there is nothing to try it beside")
        return
    model_store.put_order(state_dir, name, "downgrade" if lower else "install", data)
    _told(state_dir, f"{name}: tried beside the present model for {rollout.shadow_s:g} s")


def _is_first(state_dir: Path, found: Bundle) -> bool:
    if state_directory.in_use(state_dir):
        return False
    try:
        registry.find(state_dir, found.manifest.name)
    except ConfigError:
        return True
    return False


def _rollback(state_dir: Path, name: str) -> None:
    known = model_store.standing(state_dir, name)
    if known.present is None and known.candidate is None:
        raise UserError(f"{name}: found the zoo's model, expected one that was installed")
    model_store.put_order(state_dir, name, "back", b"")
    _told(state_dir, f"{name}: goes back")


def _told(state_dir: Path, what: str) -> None:
    when = "now" if state_directory.in_use(state_dir) else "when an agent starts: none runs"
    print(f"{what}, {when} ({state_dir})")


def _read(file: Path, most_bytes: int) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(most_bytes + 1)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if len(data) > most_bytes:
        raise UserError(f"{file}: found more than {most_bytes} bytes (rollout.max_mib)")
    return data
