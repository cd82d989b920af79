"""The options by which `replay` and `score` read a recording: a source's keys, or a configuration.

`--config` with `--source` scores a recording as the agent scores that source, with its baseline;
the other options stand for the keys of the same name.
"""

import argparse
import re
from pathlib import Path
from typing import Any

import msgspec

from agent.config import load
from agent.config.agent import Agent
from agent.config.load import Config
from agent.core.errors import SourceError, UserError

KEY_WORDS = {
    "model: none": "--model none",
    "the key rate_hz": "--rate-hz",
    "variable: '": "--variable '",
}
KEYS = ("model", "hop_s", "channels", "rate_hz", "rpm", "bearing", "unit", "scale", "variable")


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="a name in the zoo, an .onnx file, auto (default) or none")
    parser.add_argument("--hop-s", type=float, help="0.1")
    parser.add_argument("--channels", type=int, nargs="+", metavar="N")
    parser.add_argument("--rate-hz", type=float, help="where the file does not say")
    parser.add_argument("--rpm", type=float, help="of the shaft")
    parser.add_argument("--bearing", help="its name, e.g. 6205; or its orders BPFO,BPFI,BSF,FTF")
    parser.add_argument("--unit", help="of the samples times --scale, e.g. m/s2")
    parser.add_argument("--scale", type=float, help="what full scale is in that unit; 1")
    parser.add_argument("--variable", metavar="NAME", help="of a file's signals; or a pattern")
    parser.add_argument("--config", type=Path, metavar="FILE", help="instead of these options")
    parser.add_argument("--source", metavar="NAME", help="in that configuration")


def keys(arguments: argparse.Namespace) -> dict[str, Any]:
    """The source's keys that the command line names."""
    every = {key: getattr(arguments, key) for key in KEYS}
    return {key: value for key, value in every.items() if value is not None}


def from_keys(arguments: argparse.Namespace, **others: Any) -> Config:
    """A configuration of one source with those keys; `UserError` names the option."""
    source = {"name": "replay", "kind": "file", "path": ""} | keys(arguments) | others
    try:
        return load.parse({"agent": {"sink": "stdout"}, "sources": [source]})
    except UserError as error:
        key = str(error).removeprefix("sources[0].").partition(":")[0].partition(".")[0]
        if key not in KEYS:
            raise
        option = f"--{key.replace('_', '-')}"
        raise type(error)(str(error).replace(f"sources[0].{key}", option, 1)) from None


def as_options(error: UserError | SourceError) -> UserError | SourceError:
    """The error in the words of the command line, where it speaks of keys of the file."""
    text = str(error).removeprefix("sources[0] (replay): ")
    key = text.partition(":")[0]
    if key in KEYS:
        text = f"--{key.replace('_', '-')}{text.removeprefix(key)}"
    text = re.sub(r"e\.g\. channels: \[([\d, ]+)\]", _as_option, text)
    for words, option in KEY_WORDS.items():
        text = text.replace(words, option)
    return type(error)(text)


def _as_option(channels: re.Match[str]) -> str:
    return f"e.g. --channels {channels[1].replace(',', '')}"


def from_file(arguments: argparse.Namespace) -> Config:
    """The configuration of `--config`; `UserError` where other options stand beside it."""
    if options := keys(arguments):
        found = ", ".join(f"--{key.replace('_', '-')}" for key in options)
        raise UserError(f"--config: found {found} beside it, expected the source to say so")
    if arguments.source is None:
        raise UserError("--source: found nothing, expected a source's name beside --config")
    return load.load(arguments.config)


def printing(config: Config) -> Config:
    """The same sources without broker, page and clips: results go to standard output."""
    agent = msgspec.structs.replace(config.agent, sink="stdout")
    assert isinstance(agent, Agent)
    return Config(agent=agent, sources=config.sources)
