"""A run over an archive: what is there, what is left to do, an engine that does it, and the sum."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent.core import state_directory
from agent.core.errors import UserError
from agent.jobs.archive import keys, paths
from agent.jobs.archive.job import Engine, Job, Outcome, Task
from agent.jobs.archive.parquet import UNFINISHED
from agent.jobs.archive.progress import Progress

Say = Callable[[str], None]


def run(job: Job, given: Sequence[str], engine: Engine, say: Say) -> int:
    """Scores what has not been scored; 1 where a recording could not be read, else 0."""
    for folder in keys.FOLDERS.values():
        _folder(job.out / folder)
    lock = state_directory.claim(job.out, "--out")
    try:
        _tidy(job.out)
        progress = Progress(say)
        tasks = _plan(job, given, progress)
        progress.begin(len(tasks))
        for task, outcome in _outcomes(job, engine, tasks):
            if not outcome.trouble:
                _replace(job.out, task.key)
            progress.note(outcome)
        return progress.finish()
    finally:
        _tidy(job.out)
        os.close(lock)


def _plan(job: Job, given: Sequence[str], progress: Progress) -> list[Task]:
    """A task for each recording that has none of its files yet; each recording once."""
    tasks: dict[str, Task] = {}
    for each in given:
        for found in _find(each, progress):
            key = keys.key(job, found)
            if all(file.exists() for file in keys.files(job.out, key).values()):
                progress.skip(found.recording)
                _replace(job.out, key)
            else:
                tasks[found.recording] = Task(found.recording, key)
    return list(tasks.values())


def _find(given: str, progress: Progress) -> list[paths.ArchiveFile]:
    try:
        return paths.find(given)
    except UserError as error:
        progress.fail(str(error))
    except Exception as error:  # noqa: BLE001 - every file system of fsspec has its own
        progress.fail(f"{given}: {type(error).__name__}: {' '.join(str(error).split())}")
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
    """What a killed worker left unfinished."""
    for folder in keys.FOLDERS.values():
        for file in (out / folder).glob(f"*{UNFINISHED}"):
            file.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: {path} cannot be written: {error.strerror}") from None
