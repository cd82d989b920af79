"""Runs workers as local processes with one thread of ONNX Runtime each."""

import functools
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from agent.jobs.archive.job import Job, Outcome, Task
from agent.jobs.archive.worker import Worker

ATTEMPTS = 3  # a killed worker breaks its pool

log = logging.getLogger("drsn.archive")

_job: Job | None = None  # of this process, where it is one of the pool


class LocalEngine:
    """Starts `workers` processes by spawn, so that they inherit no thread of the parent."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        left = {task.recording: task for task in tasks}
        for _ in range(ATTEMPTS):
            try:
                for outcome in self._run(job, list(left.values())):
                    del left[outcome.recording]
                    yield outcome
                return
            except BrokenProcessPool:
                log.warning("a worker died; %d recording(s) are left", len(left))
        for recording in left:
            yield Outcome(recording, trouble=f"a worker died, {ATTEMPTS} times")

    def _run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # of numpy, in the processes
        spawn = multiprocessing.get_context("spawn")
        workers = min(self._workers, len(tasks))
        pool = ProcessPoolExecutor(workers, spawn, initializer=_start, initargs=(job,))
        try:
            for future in as_completed([pool.submit(_score, task) for task in tasks]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _start(job: Job) -> None:
    """Makes this process end with its parent and at Ctrl-C."""
    global _job
    _job = job
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@functools.cache
def _worker() -> Worker:
    assert _job is not None
    return Worker(_job)


def _score(task: Task) -> Outcome:
    return _worker()(task)
