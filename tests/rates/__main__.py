"""`python -m tests.rates [--write]`: each kind of source at rates that are not configured.

Ten minutes of each steady clock and one of the others, on a simulated clock; `--write` puts the
table into docs/SENSORS.md.
"""

import argparse
import logging
import sys

from tests.rates.nodes import KINDS
from tests.rates.outcome import SHARES, broken_promises, cell
from tests.rates.simulation import simulate
from tests.support.paths import DOCS

STEADY_S, OTHERS_S = 600.0, 60.0
BEGIN, END = "<!-- table: make rates -->\n", "<!-- table: end -->\n"


def main() -> int:
    parser = argparse.ArgumentParser("tests.rates", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table")
    arguments = parser.parse_args()
    logging.getLogger("drsn.source").propagate = False
    rows = [f"| of `rate_hz` | {' | '.join(KINDS)} |", "|---" * (1 + len(KINDS)) + "|"]
    broken = 0
    for share in SHARES:
        cells = []
        for kind in KINDS:
            run = simulate(kind, share, STEADY_S if 0.9 < share < 1.1 else OTHERS_S)
            cells.append(cell(run))
            for promise in broken_promises(share, run):
                print(f"{kind} at {share:.1%}: not {promise}: {run}")
                broken += 1
        rows.append(f"| {share:.4g} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    if arguments.write:
        head, _, rest = (DOCS / "SENSORS.md").read_text().partition(BEGIN)
        table = "\n".join(rows)
        (DOCS / "SENSORS.md").write_text(f"{head}{BEGIN}{table}\n{END}{rest.partition(END)[2]}")
    print(f"{broken} promise(s) broken" if broken else "all promises kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
