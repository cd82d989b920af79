"""A child process for work that may never return, crash or eat memory.

It runs a function `main` of this project with no argument but its text, ends with its parent, and
whatever it does is over when the parent ends it.
"""

import contextlib
import os
import resource
import select
import subprocess
import sys
import threading
from pathlib import Path

END_S = 1.0  # for the kernel to end it: a process that waits for a dead disk may stay


def start(module: str, *arguments: str, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
    """Runs `main()` of that module, which finds `arguments` in `sys.argv[1:]`; `OSError`.

    Packages are found where this process finds them. `stdin` is a pipe or a socket whose other end
    stays open for as long as the child is to live. Signals of a terminal do not reach it.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-I", "-c", code, *arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end(child: subprocess.Popen[bytes]) -> None:
    """Kills it, if it still runs, and closes its pipes."""
    child.kill()
    for pipe in filter(None, (child.stdin, child.stdout)):
        pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(END_S)


def follow_parent() -> None:
    """Called by the child: from now on it ends when the other end of its stdin is closed."""
    with contextlib.suppress(OSError):  # where memory runs out, it goes before the parent
        Path("/proc/self/oom_score_adj").write_text("1000")
    with contextlib.suppress(OSError):  # a service may not be allowed to
        os.nice(10)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_await_end, name="parent", daemon=True).start()


def _await_end() -> None:
    poll = select.poll()
    poll.register(0, 0)  # that the other side has hung up is always reported
    poll.poll()
    os._exit(1)
