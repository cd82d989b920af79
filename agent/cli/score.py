"""`score`: scores archives of recordings with the agent's pipeline, into Parquet."""

import argparse
import datetime
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli import recording_options
from agent.config.validation import convert
from agent.core import extras, logs
from agent.core.errors import UserError
from agent.core.model_contract import NO_NETWORK
from agent.inference import classifier, no_network, zoo

if TYPE_CHECKING:
    from agent.jobs.archive.job import Engine, Job

BEGINNING = "1970-01-01T00:00:00Z"


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a recording, a pattern, a folder; or their URL"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    recording_options.define(parser)
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
        raise UserError(f"score writes Parquet: {extras.install('score')}") from None
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

    if arguments.config is None:
        config = recording_options.from_keys(arguments, name="archive")
        source = config.sources[0]
    else:
        config = recording_options.from_file(arguments)
        source = named(config, arguments.source)
    return Job(
        config=config,
        source=source,
        sha256=_sha256(source.common.model),
        out=arguments.out.absolute(),
        start=_start(arguments.start),
        commissioned=arguments.config is not None,
    )


def _sha256(model: str) -> str:
    if model == NO_NETWORK:
        return no_network.SHA256
    return classifier.load(zoo.find(model)).sha256


def _start(text: str) -> datetime.datetime:
    start = convert(text, datetime.datetime, "--start")
    return start.replace(tzinfo=datetime.UTC) if start.tzinfo is None else start
