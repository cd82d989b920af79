"""`record`: records a sensor into a data set that `train` reads."""

import argparse
import datetime
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent import sources
from agent.cli import set_option
from agent.cli.meter import Meter
from agent.config import load
from agent.config.source import SourceKeys, SourceSettings
from agent.core import logs
from agent.core.errors import ConfigError, UserError
from agent.core.types import Block, Format, Source, SourceError
from agent.jobs import manifest
from agent.jobs.record import Recorder, Session, Tally

LONGEST_LABEL = 100  # bytes: it begins the names of files
SILENT_S = 10.0


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="gets the files and manifest.csv")
    parser.add_argument("--label", required=True, help="what the machine is like meanwhile")
    parser.add_argument(
        "--source", required=True, help="a kind (mic, serial ...); with --config, a source's name"
    )
    parser.add_argument("--config", type=Path, metavar="FILE")
    set_option.define(parser)
    parser.add_argument("--seconds", type=float, default=60.0, help="%(default)g")
    parser.add_argument(
        "--split", choices=("train", "val", "test"), help="default: see docs/SENSORS.md"
    )
    logs.add_level(parser, "WARNING")
    parser.set_defaults(run=record)


def record(arguments: argparse.Namespace) -> int:
    _check_label(arguments.label)
    if not 0 < arguments.seconds < math.inf:
        raise UserError(f"--seconds: found {arguments.seconds:g}, expected more than 0")
    logs.start(arguments.log_level)
    settings = _from_file(arguments) if arguments.config else _from_options(arguments)
    source = sources.open_source(settings.common.kind, settings.options)
    try:
        return _record(arguments, settings, source)
    finally:
        source.close()


def _check_label(label: str) -> None:
    """Any script, as `train` takes the names of folders; `UserError` for what names no file."""
    fits = label.isprintable() and len(label.encode()) <= LONGEST_LABEL
    if not fits or label != label.strip() or label[:1] in ("", ".", "-") or "/" in label:
        raise UserError(
            f"--label: found {label!r}, expected a name of a file: no slash, at most "
            f"{LONGEST_LABEL} bytes, not beginning with . or -"
        )


def _record(arguments: argparse.Namespace, settings: SourceSettings, source: Source) -> int:
    common = settings.common
    channels = _channels(common, source.format)
    _make(arguments.folder)
    split = arguments.split or manifest.split(arguments.folder, arguments.label)
    session = Session(
        arguments.folder,
        arguments.label,
        split,
        common.name if arguments.config else common.kind,
        datetime.datetime.now(datetime.UTC),
        common.scale,
        common.unit or "",
        common.rpm,
    )
    signal = msgspec.structs.replace(source.format, channels=len(channels))
    meter = Meter(signal, arguments.seconds)
    code, why = 0, ""
    try:
        with Recorder(session, signal) as recording:
            for block in _blocks(source, arguments.seconds, recording.tally):
                recording.take(Block(block.samples[:, channels], block.lost))
                meter.show(recording.tally)
    except KeyboardInterrupt:
        code, why = 130, ", interrupted"
    except SourceError as error:
        code, why = 1, f", ended early: {error}"
    meter.end(recording.tally)
    _report(recording.tally, signal, session, why)
    return code


def _make(folder: Path) -> None:
    """Makes the folder; `UserError` where no file can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from None


def _blocks(source: Source, seconds: float, tally: Tally) -> Iterator[Block]:
    """Yields blocks until `seconds` are recorded; the last one is cut to that length."""
    frames = max(1, round(seconds * source.format.rate_hz))
    came_s = time.monotonic()
    give_up_s = came_s + 2 * seconds + SILENT_S
    while tally.frames < frames:
        if time.monotonic() > give_up_s:
            raise SourceError(f"too much is lost to get {seconds:g} s together")
        block = source.read()
        if block is None:
            return
        if len(block.samples):
            came_s = time.monotonic()
        elif time.monotonic() - came_s > SILENT_S:
            raise SourceError(f"nothing has come for {SILENT_S:g} s")
        yield Block(block.samples[: frames - tally.frames], block.lost)


def _report(tally: Tally, signal: Format, session: Session, why: str) -> None:
    """Prints what was recorded; `UserError` where it is less than a second."""
    short = f", {tally.short} piece(s) of less than a second left out" if tally.short else ""
    gaps = f", {tally.gaps} gap(s) with {tally.lost} frames lost{short}" if tally.gaps else short
    clipped = f", {tally.clipped} frames at full scale" if tally.clipped else ""
    if not tally.files:
        raise UserError(f"recorded nothing of a second or more{why}{gaps}")
    length = f"{tally.frames / signal.rate_hz:.1f} s at {signal.rate_hz:g} Hz"
    channels = f"{signal.channels} channel(s)"
    print(f"{session.label} ({session.split}): {length}, {channels}{gaps}{clipped}{why}")
    for name in tally.files:
        print(session.folder / name)


def _from_file(arguments: argparse.Namespace) -> SourceSettings:
    config = load.load(arguments.config)
    by_name = {source.common.name: source for source in config.sources}
    if arguments.set:
        raise UserError("--set: found beside --config, expected the keys in the file")
    if arguments.source not in by_name:
        raise UserError(
            f"--source: found {arguments.source!r}, expected one of {', '.join(by_name)}"
        )
    return by_name[arguments.source]


def _from_options(arguments: argparse.Namespace) -> SourceSettings:
    """A source of that kind with the keys of `--set`; it needs no model."""
    keys: dict[str, object] = {"name": "record", "kind": arguments.source, "model": "none"}
    keys |= set_option.keys(arguments)
    try:
        (source,) = load.parse({"sources": [keys]}).sources
    except UserError as error:
        raise set_option.as_option(error) from None
    return source


def _channels(common: SourceKeys, available: Format) -> list[int]:
    channels = common.channels or tuple(range(available.channels))
    if max(channels) >= available.channels:
        expected = f"of 0 to {available.channels - 1}"
        raise ConfigError(f"channels: found {list(channels)}, expected {expected}")
    return list(channels)
