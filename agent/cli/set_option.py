"""The option `--set KEY=VALUE`: keys of a source, as they are written in YAML."""

import argparse

from agent.config import yaml_file
from agent.core.errors import UserError


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of the source, like YAML"
    )


def keys(arguments: argparse.Namespace) -> dict[str, object]:
    """The keys and their values; `UserError` for what is no assignment or no YAML."""
    keys: dict[str, object] = {}
    for assignment in arguments.set:
        key, separator, value = assignment.partition("=")
        if not separator:
            raise UserError(f"--set: found {assignment!r}, expected KEY=VALUE")
        keys[key] = yaml_file.value(value, f"--set {key}")
    return keys


def as_option(error: UserError) -> UserError:
    """An error of the only source in the words of the command line: nobody wrote `sources[0]`."""
    _, own, text = str(error).partition("sources[0].")
    if not own:
        return error
    option = "source" if text.startswith("kind:") else "set"
    return type(error)(f"--{option} {text}")
