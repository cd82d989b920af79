"""Waits for one file descriptor, of any number: `select.select` ends at 1024."""

import select


def wait(fileno: int, timeout_s: float) -> bool:
    """Whether something can be read, after up to `timeout_s`."""
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(1000 * timeout_s))
