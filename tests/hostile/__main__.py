"""`python -m tests.hostile [--cases N] [--only WORD]`: hostile bytes at every decoder.

Prints a row for each: cases, what escaped, the slowest call in processor time, the growth of the
resident memory, and the branch coverage of its functions. The coverage is of a second, shorter run,
since the tracing slows each call down.
"""

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import coverage

from tests.hostile.decoder import Decoder
from tests.hostile.decoders import table
from tests.hostile.run import Result, run

CASES = 10_000
TRACED = 2_000
PROJECT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser("tests.hostile", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="for each decoder (%(default)d)")
    parser.add_argument("--only", default="", metavar="WORD", help="decoders of such a name")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print("| decoder | cases | escaped | slowest, ms | RSS growth, MiB | branches |")
    print("|---|---|---|---|---|---|")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for decoder in table(Path(folder)):
            if arguments.only in decoder.name:
                failed += not _report(decoder, arguments.cases)
    print(f"{failed} decoder(s) failed" if failed else "all decoders passed")
    return 1 if failed else 0


def _report(decoder: Decoder, cases: int) -> bool:
    result = run(decoder, max(1, round(cases * decoder.share)))
    covered = _covered(decoder, min(cases, round(TRACED * decoder.share)))
    print(
        f"| {decoder.name} | {result.cases:,} | {len(result.escaped)} | "
        f"{1000 * result.slowest_s:.1f} | {result.growth_mib:.1f} | {covered:.0f} % |",
        flush=True,
    )
    _explain(result)
    return result.passed


def _explain(result: Result) -> None:
    for error, data in result.escaped.items():
        print(f"  escaped: {error}: {data[:200]!r}")
    if not result.passed and not result.escaped:
        print(f"  slowest: {result.slowest[:200]!r}")


def _covered(decoder: Decoder, cases: int) -> float:
    """Branches and lines of the decoder's functions that the cases ran, in percent."""
    files = sorted({name.partition(":")[0] for name in decoder.functions})
    included = [str(PROJECT / file) for file in files]
    tracer = coverage.Coverage(branch=True, include=included, data_file=None, config_file=False)
    tracer.start()
    run(decoder, cases, seed=2)
    tracer.stop()
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        tracer.json_report(outfile=report.name)
        return _share(json.loads(Path(report.name).read_text()), decoder.functions)


def _share(report: dict[str, Any], functions: Sequence[str]) -> float:
    covered = total = 0
    by_file = {Path(file).resolve(): part for file, part in report["files"].items()}
    for name in functions:
        file, _, function = name.partition(":")
        summary = by_file[PROJECT / file]["functions"][function]["summary"]
        covered += summary["covered_lines"] + summary["covered_branches"]
        total += summary["num_statements"] + summary["num_branches"]
    return 100 * covered / total


if __name__ == "__main__":
    sys.exit(main())
