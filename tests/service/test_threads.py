"""The first failure of a thread is kept with its reason, and wakes the main thread."""

import logging
import threading

import pytest

from agent.core.types import SourceError
from agent.service.threads import WorkerThreads


def fail(error: BaseException) -> None:
    raise error


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


@pytest.fixture
def threads(woken: threading.Event) -> WorkerThreads:
    return WorkerThreads(woken.set)


def test_work_that_ends_well_is_no_failure(threads: WorkerThreads, woken: threading.Event) -> None:
    threads.start("sender", lambda: None).join(5)
    assert threads.failure is None
    assert not woken.is_set()


def test_the_first_failure_is_kept_and_wakes_the_main_thread(
    threads: WorkerThreads, woken: threading.Event
) -> None:
    threads.start("source a", lambda: fail(SourceError("unplugged"))).join(5)
    assert woken.wait(5)
    threads.start("source b", lambda: fail(SourceError("too"))).join(5)
    assert threads.failure == "source a: unplugged"


def test_a_failure_without_text_is_named_by_its_type(threads: WorkerThreads) -> None:
    threads.guard("scoring", lambda: fail(MemoryError()))
    assert threads.failure == "scoring: MemoryError"


@pytest.mark.parametrize(("error", "traces"), [(SourceError("gone"), 0), (ValueError("bug"), 1)])
def test_only_a_bug_is_logged_with_its_traceback(
    threads: WorkerThreads, caplog: pytest.LogCaptureFixture, error: Exception, traces: int
) -> None:
    with caplog.at_level(logging.ERROR, "drsn"):
        threads.guard("scoring", lambda: fail(error))
    assert len([record for record in caplog.records if record.exc_info]) == traces


@pytest.mark.parametrize(("name", "closed"), [("sender", True), ("source a", False)])
def test_only_the_senders_broken_pipe_means_that_nobody_reads_standard_output(
    threads: WorkerThreads, name: str, closed: bool
) -> None:
    threads.guard(name, lambda: fail(BrokenPipeError()))
    assert threads.output_closed is closed
    assert threads.failure == f"{name}: BrokenPipeError"


def test_a_broken_pipe_after_another_failure_is_not_the_reason(threads: WorkerThreads) -> None:
    threads.guard("scoring", lambda: fail(SourceError("gone")))
    threads.guard("sender", lambda: fail(BrokenPipeError()))
    assert not threads.output_closed
    assert threads.failure == "scoring: gone"
