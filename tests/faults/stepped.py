"""The agent under libfaketime, which fails in clock_nanosleep(2) when it must leave the monotonic
clock alone: `time.sleep` uses select(2) instead. `python stepped.py run --config FILE`."""

import select
import sys
import time

from agent.cli import main

if __name__ == "__main__":
    time.sleep = lambda seconds: select.select([], [], [], seconds)[0] and None
    sys.exit(main.main(sys.argv[1:]))
