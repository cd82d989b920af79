"""The agent under libfaketime, which fails in clock_nanosleep(2) when it must leave the monotonic
clock alone: `time.sleep` uses select(2) instead. `python stepped.py run --config FILE`."""

import select
import sys
import time
from typing import Any

from agent.cli import main


def sleep(seconds: Any) -> None:
    select.select([], [], [], seconds)


if __name__ == "__main__":
    time.sleep = sleep
    sys.exit(main.main(sys.argv[1:]))
