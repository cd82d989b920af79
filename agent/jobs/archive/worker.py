"""Scores recordings into Parquet with one model; every engine runs workers of this class."""

import contextlib
from pathlib import Path

from agent.core.errors import FAILED, DataError, UserError
from agent.core.model_contract import NO_NETWORK
from agent.core.types import SourceError
from agent.inference import classifier, zoo
from agent.inference.classifier import Serving
from agent.jobs.archive import keys, parquet, paths, scoring
from agent.jobs.archive.job import Job, Outcome, Task
from agent.pipeline.offline import OfflineRunner, recorded


class Worker:
    """Call it with a `Task`; a failure is in the `Outcome`."""

    def __init__(self, job: Job) -> None:
        """`UserError` where this machine has another model file than the job."""
        self._job = job
        name = job.source.common.model
        self._models: dict[str, Serving] = {}
        if name == NO_NETWORK:
            return
        model = classifier.load(zoo.find(name))
        if model.sha256 != job.sha256:
            found, expected = model.sha256[:12], job.sha256[:12]
            raise UserError(f"model {name}: found sha256 {found}, expected {expected}")
        self._models[name] = model

    def __call__(self, task: Task) -> Outcome:
        try:
            _check_name(task.recording)
            with paths.fetched(task.recording) as file:
                return self._score(task, file)
        except (UserError, SourceError) as error:
            trouble, exit_code = str(error), error.exit_code
        except Exception as error:  # noqa: BLE001 - the other recordings go on
            trouble, exit_code = f"{type(error).__name__}: {error}", FAILED
        return Outcome(task.recording, trouble=" ".join(trouble.split()), exit_code=exit_code)

    def _score(self, task: Task, file: Path) -> Outcome:
        source = recorded(self._job.source, str(file), self._job.start)
        try:
            runner = OfflineRunner(
                self._job.config,
                source,
                commissioned=self._job.commissioned,
                models=self._models,
            )
            return self._write(task, runner)
        except (UserError, SourceError) as error:  # names source and file, as the caller does
            trouble = str(error).removeprefix(f"{source.path} ({source.common.name}): ")
            raise type(error)(trouble.removeprefix(f"{file}: ")) from None

    def _write(self, task: Task, runner: OfflineRunner) -> Outcome:
        """Writes the file of events last: where it is present, the other one is."""
        files = keys.files(self._job.out, task.key)
        with contextlib.ExitStack() as stack:
            writers = {
                topic: stack.enter_context(parquet.Writer(files[topic], task.recording))
                for topic in ("event", "window")  # closed in the opposite order
            }
            for topic, record in scoring.observations(runner, task.key):
                writers[topic].append(record)
        conditioner = runner.pipeline.reader.conditioner
        assert conditioner is not None
        signal_s = conditioner.samples / conditioner.format.rate_hz
        rows = {topic: writer.rows for topic, writer in writers.items()}
        return Outcome(task.recording, rows["window"], rows["event"], signal_s)


def _check_name(recording: str) -> None:
    """`DataError` for a name that Parquet's text cannot hold."""
    try:
        recording.encode()
    except UnicodeEncodeError:
        raise DataError("found a name that is not UTF-8, expected one: rename it") from None
