"""Verbs and exit codes. Verbs of other packages (train, export ...) come in as entry points."""

import argparse
import functools
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import msgspec

from agent import __version__, classify, config, lanes, logs, zoo
from agent.core import SourceError
from agent.daemon import Daemon
from agent.errors import ConfigError, UserError
from agent.timeline import WallClock

EX_CONFIG = 78  # sysexits(3)

Run = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        chosen = _parser(given).parse_args(given)
        run: Run = chosen.run
        return run(chosen)
    except (UserError, SourceError) as error:
        print(f"drsn-agent: {' '.join(str(error).split())}", file=sys.stderr)
        return EX_CONFIG if isinstance(error, ConfigError) else 1
    except BrokenPipeError:  # whoever read our output has gone, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Other packages' verbs are loaded only where they may be meant: the daemon stays lean."""
    parser = argparse.ArgumentParser("drsn-agent", description=_first_line(sys.modules["agent"]))
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, (define, summary) in _VERBS.items():
        define(verbs.add_parser(name, help=summary, description=summary))
    if given and given[0] in _VERBS:
        return parser
    for point in entry_points(group="drsn_agent.verbs"):
        define = point.load()
        summary = _first_line(define)
        define(verbs.add_parser(point.name, help=summary, description=summary))
    return parser


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").partition("\n")[0].rstrip(".")


def _run(parser: argparse.ArgumentParser) -> None:
    def run(chosen: argparse.Namespace) -> int:
        logs.start(chosen.log_level)
        return Daemon(config.load(chosen.config)).run()

    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    _add_log_level(parser, "INFO")
    parser.set_defaults(run=run)


def _check(parser: argparse.ArgumentParser) -> None:
    def check(chosen: argparse.Namespace) -> int:
        loaded = config.load(chosen.config)
        for lane in lanes.build(loaded, lambda: None, WallClock()):
            lane.intake.close()
            print(f"{lane.name}: {lane.told()}")
        print(f"{chosen.config}: ok")
        return 0

    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=check)


def _commission(parser: argparse.ArgumentParser) -> None:
    def commission(chosen: argparse.Namespace) -> int:
        from agent.baseline.commission import commission

        for key in ("minutes", "false_alarms_per_month"):
            if not getattr(chosen, key) > 0:
                found = getattr(chosen, key)
                raise UserError(f"--{key.replace('_', '-')}: found {found}, expected more than 0")
        logs.start(chosen.log_level)
        file = commission(
            config.load(chosen.config),
            chosen.source,
            chosen.minutes,
            chosen.recordings,
            chosen.false_alarms_per_month,
            functools.partial(print, flush=True),
        )
        print(f"wrote {file}")
        return 0

    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--source", required=True, metavar="NAME", help="in the configuration")
    parser.add_argument("--minutes", type=float, default=30.0, help="of sound signal (%(default)g)")
    parser.add_argument(
        "--recordings", nargs="+", default=[], metavar="PATH", help="instead of the live source"
    )
    parser.add_argument("--false-alarms-per-month", type=float, default=1.0, help="%(default)g")
    _add_log_level(parser, "WARNING")
    parser.set_defaults(run=commission)


def _replay(parser: argparse.ArgumentParser) -> None:
    def replay(chosen: argparse.Namespace) -> int:
        logs.start(chosen.log_level)
        return Daemon(_replay_config(chosen)).run()

    parser.add_argument("file", metavar="FILE", help="FLAC, WAV, NPY or CSV")
    parser.add_argument("--model", required=True, help="a name in the zoo or an .onnx file")
    parser.add_argument("--hop-s", type=float, default=0.1)
    parser.add_argument("--channels", type=int, nargs="+", metavar="N")
    parser.add_argument("--rate-hz", type=float, help="where the file does not say")
    parser.add_argument("--start", help="time of the first frame, ISO 8601; default: now")
    _add_log_level(parser, "WARNING")
    parser.set_defaults(run=replay)


def _replay_config(chosen: argparse.Namespace) -> config.Config:
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
    return config.parse({"agent": {"sink": "stdout"}, "sources": [given]})


def _demo(parser: argparse.ArgumentParser) -> None:
    def demo(chosen: argparse.Namespace) -> int:
        from agent.demo import demo

        logs.start("WARNING")
        return demo(chosen.seconds, chosen.port)

    parser.add_argument("--seconds", type=float, default=60.0, help="length of the scenario")
    parser.add_argument(
        "--port", type=int, help="of the demo's broker; default: 1883 or a free one"
    )
    parser.set_defaults(run=demo)


def _model(parser: argparse.ArgumentParser) -> None:
    def model(chosen: argparse.Namespace) -> int:
        if chosen.name is None:
            print("\n".join(zoo.released()))
            return 0
        file = zoo.find(chosen.name)
        described = classify.load(file)
        contract = msgspec.to_builtins(described.contract) | {
            "file": str(file),
            "sha256": described.sha256,
        }
        print(msgspec.json.format(msgspec.json.encode(contract), indent=2).decode())
        return 0

    parser.add_argument(
        "name", nargs="?", help="a name in the zoo or an .onnx file; none: the names"
    )
    parser.set_defaults(run=model)


def _add_log_level(parser: argparse.ArgumentParser, default: str) -> None:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    parser.add_argument("--log-level", choices=levels, default=default)


_VERBS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "run": (_run, "run the agent"),
    "check": (_check, "check a configuration, its models and its sources, and start nothing"),
    "commission": (_commission, "learn what a source is like while its machine is healthy"),
    "demo": (_demo, "watch a simulated machine's fault being found, over MQTT"),
    "replay": (_replay, "score a recording: JSON lines, no broker"),
    "model": (_model, "print what a model file says of itself"),
}
