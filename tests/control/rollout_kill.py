"""The agent, killed at one step of a roll-out: `python rollout_kill.py N FILE run --config FILE`.

Every time that it opens for writing, renames, removes, makes or syncs something below `models` is a
step; SIGKILL comes right before the Nth. FILE gets a byte a step.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR


class Steps:
    def __init__(self, last: int, file: str) -> None:
        self.seen, self.last = 0, last
        self.out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def step(self) -> None:
        self.seen += 1
        if self.seen == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(self.out, b".")

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
        if (changes or writes) and "/models/" in f"{arguments[0]}/":
            self.step()


def main() -> int:
    steps = Steps(int(sys.argv[1]), sys.argv[2])
    sys.argv[1:3] = []
    sync = os.fsync

    def fsync(file: int) -> None:
        if "/models" in str(Path(f"/proc/self/fd/{file}").readlink()):
            steps.step()
        sync(file)

    vars(os)["fsync"] = fsync  # has no audit event
    sys.addaudithook(steps.hook)
    from agent.cli import main as cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
