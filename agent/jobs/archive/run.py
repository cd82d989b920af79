"""A run over an archive: lists the recordings, scores those that are left, reports the totals."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent.core import state_directory
from agent.core.errors import FAILED, ConditionError, UserError
from agent.jobs.archive import keys, paths
from agent.jobs.archive.job import Engine, Job, Outcome, Task
from agent.jobs.archive.parquet import UNFINISHED
from agent.jobs.archive.progress import Progress

Say = Callable[[str], None]


def run(job: Job, recordings: Sequence[str], engine: Engine, say: Say) -> int:
    """Scores the recordings that are not scored yet; 1 if one could not be read, else 0."""
    for folder in keys.FOLDERS.values():
        _folder(job.out / folder)
    lock = state_directory.claim(job.out, "--out")
    try:
        _tidy(job.out)
        progress = Progress(say)
        tasks = _plan(job, recordings, progress)
        progress.begin(len(tasks))
        for task, outcome in _outcomes(job, engine, tasks):
            if not outcome.trouble:
                _replace(job.out, task.key)
            progress.note(outcome)
        return progress.finish()
    finally:
        _tidy(job.out)
        os.close(lock)


def _plan(job: Job, recordings: Sequence[str], progress: Progress) -> list[Task]:
    """A task for each recording whose files are not complete; each recording once."""
    tasks: dict[str, Task] = {}
    for pattern in recordings:
        for archived in _find(pattern, progress):
            key = keys.key(job, archived)
            if all(file.exists() for file in keys.files(job.out, key).values()):
                progress.skip(archived.recording)
                _replace(job.out, key)
            else:
                tasks[archived.recording] = Task(archived.recording, key)
    return list(tasks.values())


def _find(pattern: str, progress: Progress) -> list[paths.ArchiveFile]:
    try:
        return paths.find(pattern)
    except UserError as error:
        progress.fail(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - every file system of fsspec has its own
        text = " ".join(str(error).split())
        progress.fail(f"{pattern}: {type(error).__name__}: {text}", FAILED)
    return []


def _outcomes(job: Job, engine: Engine, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
    by_recording = {task.recording: task for task in tasks}
    if tasks:
        for outcome in engine.run(job, tasks):
            yield by_recording[outcome.recording], outcome


def _replace(out: Path, key: str) -> None:
    for file in keys.outdated(out, key):
        file.unlink()


def _tidy(out: Path) -> None:
    """Removes the unfinished files of killed workers."""
    for folder in keys.FOLDERS.values():
        for file in (out / folder).glob(f"*{UNFINISHED}"):
            file.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConditionError(f"--out: {path} cannot be written: {error.strerror}") from None
