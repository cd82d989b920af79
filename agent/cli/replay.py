"""`replay`: a recording through the agent's own pipeline, on standard output."""

import argparse

from agent.config import load
from agent.core import logs
from agent.service.daemon import Daemon


def define(parser: argparse.ArgumentParser) -> None:
    def replay(chosen: argparse.Namespace) -> int:
        logs.start(chosen.log_level)
        return Daemon(_replay_config(chosen)).run()

    parser.add_argument("file", metavar="FILE", help="FLAC, WAV, NPY or CSV")
    parser.add_argument("--model", required=True, help="a name in the zoo or an .onnx file")
    parser.add_argument("--hop-s", type=float, default=0.1)
    parser.add_argument("--channels", type=int, nargs="+", metavar="N")
    parser.add_argument("--rate-hz", type=float, help="where the file does not say")
    parser.add_argument("--start", help="time of the first frame, ISO 8601; default: now")
    logs.add_level(parser, "WARNING")
    parser.set_defaults(run=replay)


def _replay_config(chosen: argparse.Namespace) -> load.Config:
    """The same pipeline as `run`, as fast as it goes, on standard output."""
    source = {
        "name": "replay",
        "kind": "file",
        "path": chosen.file,
        "pace": "fast",
        "model": chosen.model,
        "hop_s": chosen.hop_s,
        "publish_windows": True,
        "channels": chosen.channels,
        "rate_hz": chosen.rate_hz,
        "start": chosen.start,
    }
    given = {key: value for key, value in source.items() if value is not None}
    return load.parse({"agent": {"sink": "stdout"}, "sources": [given]})
