"""`backup`: writes the agent's state and configuration to one archive, also while it runs."""

import argparse
import contextlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from agent.cli import config_option
from agent.config import load
from agent.config.load import Config
from agent.core import credentials, state_directory
from agent.core.errors import ConditionError, UserError
from agent.jobs.backup import writing
from agent.jobs.backup.manifest import PART

MAX_SECRET_BYTES = 2**20


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", type=Path, metavar="ARCHIVE", help="the file to write, a ZIP")
    config_option.define(parser)
    parser.add_argument("--clips", action="store_true", help="also the clips of signal")
    parser.add_argument(
        "--secrets", action="store_true", help="also the files that the configuration names"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load.load(arguments.config)
    folder = Path(config.agent.state_dir)
    if not folder.is_dir():
        raise UserError(f"agent.state_dir: found no folder {folder}, expected an agent's state")
    secrets = dict(_secrets(config)) if arguments.secrets else {}
    with _new_file(arguments.archive) as out, _held(folder) as running:
        contents = writing.Contents(
            agent=config.agent.id,
            state_dir=folder,
            running=running,
            configuration=arguments.config.read_bytes(),
            clips=arguments.clips,
            secrets=secrets,
        )
        with state_directory.as_owner(folder):
            manifest = writing.write(out, contents)
    size = arguments.archive.stat().st_size / 2**20
    print(f"{arguments.archive}: {manifest.agent}, {len(manifest.files)} files, {size:.1f} MiB")
    for line in _left_out(config, secrets=arguments.secrets):
        print(f"not inside: {line}")
    return 0


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Whether an agent runs there; where none does, none starts meanwhile."""
    if state_directory.in_use(folder):
        yield True
        return
    lock = state_directory.claim(folder)
    try:
        yield False
    finally:
        os.close(lock)


@contextlib.contextmanager
def _new_file(archive: Path) -> Iterator[BinaryIO]:
    """The archive, for its owner alone; it has its name when it is whole."""
    if not _may_be_replaced(archive):
        raise UserError(f"backup: found {archive}, which is no archive, expected another name")
    new = archive.with_name(f"{archive.name}.new")
    try:
        new.unlink(missing_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(new, flags, 0o600), "w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        new.replace(archive)
    except OSError as error:
        raise ConditionError(f"backup: {error.filename or archive}: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)


def _may_be_replaced(archive: Path) -> bool:
    """Not a configuration, an outbox or a folder that a slip of the command line names."""
    try:
        if not archive.exists():
            return True
        return archive.is_file() and (not archive.stat().st_size or zipfile.is_zipfile(archive))
    except OSError as error:
        raise ConditionError(f"backup: {archive}: {error.strerror}") from None


def _secrets(config: Config) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file that the configuration names."""
    names: dict[str, str] = {}
    for key, file in _named_files(config):
        name = Path(file).name
        if not PART.fullmatch(name):
            raise UserError(f"{key}: found {file}, expected a plain name to back it up")
        if names.setdefault(name, file) != file:
            raise UserError(f"{key}: found a second file named {name}, expected names that differ")
        data = Path(file).read_bytes()
        if len(data) > MAX_SECRET_BYTES:
            raise UserError(f"{key}: {file}: found more than {MAX_SECRET_BYTES} bytes")
        yield name, data


def _named_files(config: Config) -> Iterator[tuple[str, str]]:
    """Key path and path of each file that holds a secret, a key or a certificate."""
    yield from credentials.files(config)
    for at, source in enumerate(config.sources):
        yield from credentials.files(source.options, f"sources[{at}]")


def _left_out(config: Config, *, secrets: bool) -> Iterator[str]:
    """What a restored agent needs beside the archive."""
    if not secrets:
        yield from (f"{file} ({key})" for key, file in _named_files(config))
    for source in config.sources:
        model = source.common.model
        if model.endswith(".onnx") or "/" in model:
            yield f"{model} ({source.path}.model)"
