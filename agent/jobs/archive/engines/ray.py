"""Runs workers as a pool of Ray Data actors, on this machine or on a cluster.

https://docs.ray.io/en/latest/data/api/doc/ray.data.Dataset.map.html. A worker that dies is
restarted and its recording scored again. Every machine of a cluster needs this package and
access to the same recordings and output folder.
"""

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import asdict

from agent.core import extras
from agent.core.errors import UserError
from agent.jobs.archive.job import Job, Outcome, Task
from agent.jobs.archive.worker import Worker

REACH_S = 5.0
STORE_BYTES = 100 * 2**20  # only names and outcomes are exchanged


class RayEngine:
    """`address` of a cluster's head; None: starts Ray here, listening on loopback only."""

    def __init__(self, workers: int, address: str | None) -> None:
        self._workers = workers
        self._address = address

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        if self._address is not None:
            _reach(self._address)
        ray = _import_ray(loopback=self._address is None)
        try:
            self._connect(ray)
            yield from self._run(ray, job, tasks)
        except Exception as error:  # noqa: BLE001 - Ray raises plain exceptions, too
            raise UserError(f"ray: {str(error).strip().splitlines()[-1]}") from None
        finally:
            ray.shutdown()

    def _connect(self, ray: Any) -> None:
        quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self._address is not None:
            ray.init(address=self._address, **quiet)
            return
        ray.init(
            address="local",
            num_cpus=self._workers,
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            **quiet,
        )

    def _run(self, ray: Any, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
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
    """A worker with the interface of Ray Data: rows in, rows out."""

    def __init__(self, job: Job) -> None:
        self._worker = Worker(job)

    def __call__(self, row: dict[str, str]) -> dict[str, Any]:
        return asdict(self._worker(Task(**row)))


def _reach(address: str) -> None:
    """`UserError` where nothing listens: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if "/" in host or not port.isdigit():  # auto, ray://...: Ray knows
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"--address: {address}: cannot connect: {reason}") from None


def _import_ray(loopback: bool) -> Any:
    """Ray without its usage statistics; with `loopback` it listens on no other interface."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if loopback:  # by default Ray would listen on every interface
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
        import ray.data
    except ImportError:
        raise UserError(f"--engine ray needs Ray: {extras.install('ray')}") from None
    return ray
