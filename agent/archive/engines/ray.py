"""Ray Data: a pool of actors, a session each, on this machine or a cluster of many.

https://docs.ray.io/en/latest/data/api/doc/ray.data.Dataset.map.html. A worker that dies is started
again and its recording scored again. On a cluster every machine needs this package and has to see
the same recordings and the same output folder.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from agent.archive.job import Job, Outcome, Task
from agent.archive.worker import Worker
from agent.errors import UserError

LOOPBACK = "127.0.0.1"
STORE_BYTES = 100 * 2**20  # what travels are names and outcomes


class RayEngine:
    """`address` of a cluster's head; None: Ray is started here, heard on loopback alone."""

    def __init__(self, workers: int, address: str | None) -> None:
        self._workers = workers
        self._address = address

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        ray = _imported()
        try:
            self._connect(ray)
            yield from self._run(ray, job, tasks)
        except (ray.exceptions.RayError, ConnectionError, TimeoutError) as error:
            raise UserError(f"ray: {str(error).strip().splitlines()[-1]}") from None
        finally:
            ray.shutdown()

    def _connect(self, ray: Any) -> None:
        quiet = {"logging_level": logging.WARNING, "log_to_driver": False}
        if self._address is not None:
            ray.init(address=self._address, **quiet)
            return
        ray.init(
            address="local",
            num_cpus=self._workers,
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            _node_ip_address=LOOPBACK,
            **quiet,
        )

    def _run(self, ray: Any, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        workers = min(self._workers, len(tasks))
        rows = [asdict(task) for task in tasks]
        scored = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Actor,
            fn_constructor_args=(job,),
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=workers),
        )
        for row in scored.iter_rows():
            yield Outcome(**row)


class _Actor:
    """A worker as Ray Data calls it: rows in, rows out."""

    def __init__(self, job: Job) -> None:
        self._worker = Worker(job)

    def __call__(self, row: dict[str, str]) -> dict[str, Any]:
        return asdict(self._worker(Task(**row)))


def _imported() -> Any:
    """Ray, which tells nobody that it is used."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its warnings are not for users
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError:
        raise UserError("--engine ray needs Ray: pip install 'drsn-agent[ray]'") from None
    return ray
