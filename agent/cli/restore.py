"""`restore`: puts back what `backup` wrote; a running agent must be stopped first."""

import argparse
from pathlib import Path

from agent.cli import config_option
from agent.core.errors import ConditionError
from agent.jobs.backup import restoring
from agent.jobs.backup.reading import Archive


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", type=Path, metavar="ARCHIVE", help="that `backup` wrote")
    config_option.define(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    file: Path = arguments.archive
    try:
        stream = file.open("rb")
    except OSError as error:
        raise ConditionError(f"{file}: cannot be read: {error.strerror}") from None
    with stream:
        archive = Archive(stream, str(file))
        restored = restoring.restore(archive, arguments.config)
    state = f"{restored.state_dir}: {restored.files} files of {restored.agent}"
    before = restored.before
    print(state if before is None else f"{state}; what was there is in {before.name}")
    config_before = restored.configuration_before
    kept = "" if config_before is None else f"; the one before is {config_before}"
    print(f"{arguments.config}: the configuration of the archive{kept}")
    for path in restored.secrets:
        print(f"{path}: from the archive, for its owner alone")
    print(f"made {archive.manifest.made}; next: drsn-agent check --config {arguments.config}")
    return 0
