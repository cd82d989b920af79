"""`replay`: scores a recording with the agent's pipeline and prints JSON lines."""

import argparse

from agent.config import load
from agent.core import logs
from agent.service.daemon import Daemon


def define(parser: argparse.ArgumentParser) -> None:
    def replay(arguments: argparse.Namespace) -> int:
        logs.start(arguments.log_level)
        return Daemon(_replay_config(arguments)).run()

    parser.add_argument("file", metavar="FILE", help="FLAC, WAV, NPY or CSV")
    parser.add_argument("--model", required=True, help="a name in the zoo or an .onnx file")
    parser.add_argument("--hop-s", type=float, default=0.1)
    parser.add_argument("--channels", type=int, nargs="+", metavar="N")
    parser.add_argument("--rate-hz", type=float, help="where the file does not say")
    parser.add_argument("--start", help="time of the first frame, ISO 8601; default: now")
    logs.add_level(parser, "WARNING")
    parser.set_defaults(run=replay)


def _replay_config(arguments: argparse.Namespace) -> load.Config:
    """A configuration with the same pipeline as `run`, as fast as possible, to standard output."""
    source = {
        "name": "replay",
        "kind": "file",
        "path": arguments.file,
        "pace": "fast",
        "model": arguments.model,
        "hop_s": arguments.hop_s,
        "publish_windows": True,
        "channels": arguments.channels,
        "rate_hz": arguments.rate_hz,
        "start": arguments.start,
    }
    keys = {key: value for key, value in source.items() if value is not None}
    return load.parse({"agent": {"sink": "stdout"}, "sources": [keys]})
