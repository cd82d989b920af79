"""`python -m tests.fuzz_recordings [--cases N]`: damaged files at the reader of recordings.

Prints a row for each format: cases, how many are read to their end, errors that escaped, files that
took more than 5 s, the slowest, and the peak of the resident memory.
"""

import argparse
import dataclasses
import multiprocessing
import secrets
import sys

from tests.fuzz_recordings.mutants import FORMATS
from tests.fuzz_recordings.run import READ, passed, run

CASES = 18_000
STUCK_S = 3600.0  # for all mutants of a format


def main() -> int:
    parser = argparse.ArgumentParser("tests.fuzz_recordings", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="of all formats (%(default)d)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--only", choices=FORMATS)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    print("| format | cases | read | damaged | escaped | hangs | slowest, s | peak RSS, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    failed = read = 0
    for name in FORMATS if arguments.only is None else (arguments.only,):
        cases = arguments.cases // len(FORMATS)
        with multiprocessing.get_context("spawn").Pool(1) as pool:  # its memory is its own
            counts = pool.apply_async(run, (name, cases, arguments.seed)).get(STUCK_S)
        cells = dataclasses.astuple(counts)
        share = f"{counts.read / counts.cases:.0%}"
        row = (name, f"{counts.cases:,}", share, cells[2], len(counts.escaped), counts.hangs)
        print(f"| {' | '.join(map(str, row))} | {counts.slowest_s:.2f} | {counts.rss_mib:.0f} |")
        for error, place in counts.escaped.items():
            print(f"  escaped: {error} ({place})")
        failed += not passed(counts)
        read += counts.read
    print(f"{failed} format(s) failed" if failed else "all formats passed", f"{read:,} were read")
    return 1 if failed or read < READ * arguments.cases else 0


if __name__ == "__main__":
    sys.exit(main())
