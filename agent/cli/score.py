"""`score`: scores archives of recordings with the agent's pipeline, into Parquet."""

import argparse
import datetime
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.config import load
from agent.config.validation import convert
from agent.core import logs
from agent.core.errors import UserError
from agent.inference import classifier, zoo

if TYPE_CHECKING:
    from agent.jobs.archive.job import Engine, Job

BEGINNING = "1970-01-01T00:00:00Z"
OF_SOURCE = ("model", "hop_s", "channels", "rate_hz")  # options that a configuration replaces


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a recording, a pattern, a folder; or their URL"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", help="a name in the zoo or an .onnx file")
    parser.add_argument("--hop-s", type=float, help="0.1")
    parser.add_argument("--channels", type=int, nargs="+", metavar="N")
    parser.add_argument("--rate-hz", type=float, help="where the file does not say")
    parser.add_argument("--config", type=Path, metavar="FILE", help="instead of these options")
    parser.add_argument("--source", metavar="NAME", help="in that configuration")
    parser.add_argument("--start", default=BEGINNING, help="of each first frame; %(default)s")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--address", help="of a Ray cluster; default: Ray is started here")
    logs.add_level(parser, "WARNING")
    parser.set_defaults(run=_score)


def _score(arguments: argparse.Namespace) -> int:
    try:
        from agent.jobs.archive.run import run
    except ImportError:
        raise UserError("score writes Parquet: pip install 'drsn-agent[score]'") from None
    logs.start(arguments.log_level)
    say = functools.partial(print, file=sys.stderr, flush=True)
    return run(job(arguments), arguments.paths, _engine(arguments), say)


def _engine(arguments: argparse.Namespace) -> "Engine":
    from agent.jobs.archive.engines.local import LocalEngine
    from agent.jobs.archive.engines.ray import RayEngine

    workers = len(os.sched_getaffinity(0)) if arguments.workers is None else arguments.workers
    if workers < 1:
        raise UserError(f"--workers: found {workers}, expected at least 1")
    if arguments.engine == "ray":
        return RayEngine(workers, arguments.address)
    if arguments.address is not None:
        raise UserError("--address: found it without --engine ray, expected both")
    return LocalEngine(workers)


def job(arguments: argparse.Namespace) -> "Job":
    """The job for every recording; `UserError`."""
    from agent.jobs.archive.job import Job
    from agent.pipeline.offline import named

    every = {key: getattr(arguments, key) for key in OF_SOURCE}
    options = {key: value for key, value in every.items() if value is not None}
    if arguments.config is None:
        config = _from_options(options)
        source = config.sources[0]
    else:
        config = _loaded(arguments, options)
        source = named(config, arguments.source)
    return Job(
        config=config,
        source=source,
        sha256=classifier.load(zoo.find(source.common.model)).sha256,
        out=arguments.out.absolute(),
        start=_start(arguments.start),
        commissioned=arguments.config is not None,
    )


def _from_options(options: dict[str, Any]) -> load.Config:
    if "model" not in options:
        raise UserError("--model: found neither it nor --config, expected one of them")
    return load.parse({"sources": [{"name": "archive", "kind": "file", "path": ""} | options]})


def _loaded(arguments: argparse.Namespace, options: dict[str, Any]) -> load.Config:
    if options:
        found = ", ".join(f"--{key.replace('_', '-')}" for key in options)
        raise UserError(f"--config: found {found} beside it, expected the source to say so")
    if arguments.source is None:
        raise UserError("--source: found nothing, expected a source's name beside --config")
    return load.load(arguments.config)


def _start(text: str) -> datetime.datetime:
    start = convert(text, datetime.datetime, "--start")
    return start.replace(tzinfo=datetime.UTC) if start.tzinfo is None else start
