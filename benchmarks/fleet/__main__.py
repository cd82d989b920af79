"""`python -m benchmarks.fleet [--boxes N] [--write]`: a fleet against one broker, counted.

Needs mosquitto and postgresql. Everything runs on loopback; outboxes, the broker's and the
database's files are in memory (/dev/shm), since a thousand boxes do not share a disk. `--write`
puts the tables into docs/SCALE.md.
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

from benchmarks import document
from benchmarks.fleet import report, scenario
from benchmarks.fleet.fleet import Fleet, Size
from benchmarks.fleet.processes import free_port
from tests.support.postgres import MEMORY, server


def main() -> int:
    size, write = _arguments()
    with (
        server() as postgres,
        tempfile.TemporaryDirectory(prefix="drsn-fleet-", dir=MEMORY) as folder,
        Fleet(size, Path(folder), free_port(), postgres) as fleet,
    ):
        run = scenario.play(fleet)
    text = report.tables(run)
    print(text)
    if write:
        document.put("fleet", text, document.SCALE)
    return 0 if run.well else 1


def _arguments() -> tuple[Size, bool]:
    parser = argparse.ArgumentParser("python -m benchmarks.fleet", description=__doc__)
    for field in dataclasses.fields(Size):
        flag = f"--{field.name.replace('_', '-')}"
        parser.add_argument(flag, type=type(field.default), default=field.default)
    parser.add_argument("--write", action="store_true", help="put the tables in the document")
    options = vars(parser.parse_args())
    write = options.pop("write")
    return Size(**options), write


if __name__ == "__main__":
    sys.exit(main())
