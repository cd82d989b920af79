"""Reads and scores one source to its end as the daemon does, without delivering anything."""

import datetime
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import msgspec

from agent import sources
from agent.acquisition.published_values import PublishedValues
from agent.config.load import Config
from agent.config.source import SourceSettings
from agent.core.errors import UserError
from agent.core.types import Scored
from agent.inference.classifier import Serving
from agent.pipeline import build, window_scorer
from agent.pipeline.source_build import Runtime
from agent.sources.formats import table

WAIT_S = 0.25
BLOCK = 32768  # frames: nobody waits for the first of them, so larger is faster


def named(config: Config, name: str) -> SourceSettings:
    """The source of that name; `UserError` where there is none."""
    by_name = {source.common.name: source for source in config.sources}
    if name not in by_name:
        raise UserError(f"--source: found {name!r}, expected one of {', '.join(by_name)}")
    return by_name[name]


def recorded(
    source: SourceSettings, path: str, start: datetime.datetime | None = None
) -> SourceSettings:
    """The same source with its signal from a file, and no measurements beside its windows.

    `start` is the time of the first frame. What others publish now says nothing about a recording.
    """
    variable = getattr(source.options, "variable", "")
    options = sources.options("file")(
        path=path, pace="fast", start=start, block=BLOCK, variable=variable
    )
    if source.common.kind == "file" or not _has_rate(path, options):
        rate_hz = getattr(source.options, "rate_hz", None)
        options = msgspec.structs.replace(options, rate_hz=rate_hz)
    common = msgspec.structs.replace(
        source.common,
        kind="file",
        measure_s=0.0,
        speed=None,
        condition=source.common.condition_name,
        load=None,
        temperature=None,
        running=None,
    )
    return msgspec.structs.replace(source, common=common, options=options)


def _has_rate(path: str, options: msgspec.Struct) -> bool:
    """Whether the file knows its rate, which need not be the live source's."""
    suffix = Path(path).suffix.lower()
    if suffix in table.SUFFIXES:
        return sources.declared("file", options).rate_hz is not None
    return suffix not in (".npy", ".csv")


class OfflineRunner:
    """The pipeline of one source, opened; see `build.build_pipelines` for the options."""

    def __init__(
        self,
        config: Config,
        source: SourceSettings,
        *,
        commissioned: bool = True,
        models: dict[str, Serving] | None = None,
    ) -> None:
        """`UserError`."""
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        only = msgspec.structs.replace(config, sources=(source,))
        self._values = PublishedValues(config.mqtt, config.agent.id)
        runtime = Runtime(wake=self._wake.set, values=self._values)
        (self.pipeline,) = build.build_pipelines(
            only, runtime, commissioned=commissioned, models=models
        )

    def scored(self) -> Generator[list[Scored], None, None]:
        """The windows that were due, turn by turn and perhaps none, until the source has ended.

        A failure of the source (`SourceError`) is raised after everything that came before it.
        """
        self._values.begin(_start_thread)
        thread = _start_thread("source", self._read)
        try:
            while not self.pipeline.drained:
                scored = window_scorer.step([self.pipeline.scorer])
                yield scored
                if not scored:
                    self._wake.wait(WAIT_S)
                    self._wake.clear()
        finally:
            self._stopping.set()
            self._values.finish()
            self.pipeline.ring.close()
            thread.join(2 * WAIT_S)
        if self._failure is not None:
            raise self._failure

    def _read(self) -> None:
        try:
            self.pipeline.reader.run(self._stopping)
        except BaseException as error:  # noqa: BLE001 - raised again by `scored`
            self._failure = error


def _start_thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
