"""Who runs the workers: one file an engine. A new one is a new file and its line in the verb."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from agent.jobs.archive.job import Job, Outcome, Task


class Engine(Protocol):
    """Runs a `Worker` for each of its processes."""

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """The outcome of every task, in any order, as they come; `UserError` if it cannot work."""
