"""Images: every family by one recipe on digits in clutter and noise, seed by seed.

    python -m models.experiments.digits run --out runs/images.jsonl --seeds 0 1 2 3 4
    python -m models.experiments.digits table --results runs/images.jsonl
    python -m models.experiments.digits report --results runs/images.jsonl --out
    runs/images.html

The images are split before anything is made of them
(`models.experiments.digits.cluttered_digits`): networks learn from
`train`, the recipe was chosen on `validation`, figures are of `test`. Every network is judged
on the same canvases. `run` goes on where it was stopped, and keeps the weights beside the results.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import nn

from agent.core.errors import UserError
from models.experiments.digits import cluttered_digits, page
from models.experiments.digits import report as digits_report
from models.experiments.digits.cluttered_digits import CANVAS, CLASSES, Array, Digits, Indices
from models.experiments.digits.evaluation import Cell, cell, judge
from models.experiments.digits.records import DigitsRun, conditions, load
from models.experiments.digits.table import REFERENCE, table
from models.networks import cost, images

STEPS, BATCH, RATE, DECAY = 1000, 32, 0.008, 0.01
SNR_DB, CLEAN, FRAGMENTS = (-5.0, 15.0), 0.1, 4  # in training: range, share without, at most
RESULTS = Path("runs/images.jsonl")


def train(family: str, seed: int, digits: Digits, steps: int = STEPS) -> nn.Module:
    """That family, trained on fresh canvases of those digits; the same seed, the same network."""
    torch.manual_seed(seed)
    network = images.build(family, 1, CLASSES)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    drawn = batches(digits, np.random.default_rng(seed))
    network.train()
    for _ in range(steps):
        pixels, targets = next(drawn)
        logits, _ = network(images.standardized(torch.from_numpy(pixels)))
        loss = F.cross_entropy(logits, torch.from_numpy(targets))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval()


def batches(digits: Digits, rng: np.random.Generator) -> Iterator[tuple[Array, Indices]]:
    """Pixels [BATCH, 1, 28, 28] and targets without end; no canvas is ever shown twice."""
    while True:
        chosen = rng.integers(len(digits.targets), size=BATCH)
        clean = cluttered_digits.place(digits, chosen, rng.integers(FRAGMENTS + 1, size=BATCH), rng)
        snr_db = rng.uniform(*SNR_DB, BATCH)
        snr_db[rng.random(BATCH) < CLEAN] = np.inf
        yield (
            cluttered_digits.add(clean, snr_db.astype(np.float32), cluttered_digits.mixed, rng),
            clean.targets,
        )


def run(
    digits: Mapping[str, Digits],
    families: Sequence[str],
    seeds: Sequence[int],
    side: str,
    out: Path,
    steps: int,
) -> None:
    """Trains and judges what is not in `out` yet, a line each."""
    known = {(done.family, done.seed, done.side) for done in load(out)}
    cells = [cell(digits[side], condition) for condition in conditions()]
    for seed in seeds:
        for family in families:
            if (family, seed, side) not in known:
                start = time.process_time()
                network = train(family, seed, digits["train"], steps)
                train_s = round(time.process_time() - start, 1)
                _keep(out, network, _run(network, family, seed, side, train_s, cells))


def report(digits: Mapping[str, Digits], results: Path, side: str, out: Path) -> None:
    """The page, and its figures as JSON beside it."""
    runs = _runs(results, side)
    seed = min(done.seed for done in runs if done.family == REFERENCE)
    network = images.build(REFERENCE, 1, CLASSES)
    network.load_state_dict(torch.load(weights(results, REFERENCE, seed), weights_only=True))
    cells = [cell(digits[side], shown) for shown in digits_report.SHOWN]
    looked = [digits_report.look(network, each) for each in cells]
    found = digits_report.report(runs, seed, looked)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    out.write_text(page.page(found, runs, looked))


def weights(results: Path, family: str, seed: int) -> Path:
    """Where `run` keeps a trained network."""
    return results.with_suffix("") / f"{family}-{seed}.pt"


def _run(
    network: nn.Module, family: str, seed: int, side: str, train_s: float, cells: Sequence[Cell]
) -> DigitsRun:
    judged, hits = judge(network, cells)
    parameters, macs = cost.parameters(network), cost.macs(network, 1, CANVAS, CANVAS)
    return DigitsRun(family, seed, side, parameters, macs, train_s, judged, hits)


def _keep(out: Path, network: nn.Module, done: DigitsRun) -> None:
    """The weights first: a line of results says that they are there."""
    path = weights(out, done.family, done.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
    with out.open("a") as file:
        file.write(json.dumps(msgspec.to_builtins(done)) + "\n")


def _runs(results: Path, side: str) -> list[DigitsRun]:
    """Those judged on that side; UserError where REFERENCE is not among them."""
    found = [done for done in load(results) if done.side == side]
    if not any(done.family == REFERENCE for done in found):
        raise UserError(f"{results}: found no run of {REFERENCE} judged on {side}: `run` it first")
    return found


def main() -> None:
    chosen = _parser().parse_args()
    torch.set_num_threads(1)
    try:
        if chosen.verb == "run":
            run(
                cluttered_digits.sides(),
                chosen.families,
                chosen.seeds,
                chosen.side,
                chosen.out,
                chosen.steps,
            )
        elif chosen.verb == "table":
            sys.stdout.write(table(_runs(chosen.results, chosen.side)) + "\n")
        else:
            report(cluttered_digits.sides(), chosen.results, chosen.side, chosen.out)
    except UserError as mistake:
        sys.exit(str(mistake))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="train and judge; goes on where it was stopped")
    running.add_argument("--out", type=Path, default=RESULTS)
    running.add_argument("--families", nargs="+", choices=images.FAMILIES, default=images.FAMILIES)
    running.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    running.add_argument("--steps", type=int, default=STEPS)
    tabled = verbs.add_parser("table", help="print the results as Markdown")
    reporting = verbs.add_parser("report", help="write a page, and its JSON beside it")
    reporting.add_argument("--out", type=Path, default=RESULTS.with_suffix(".html"))
    for verb in (tabled, reporting):
        verb.add_argument("--results", type=Path, default=RESULTS)
    for verb in (running, tabled, reporting):
        verb.add_argument("--side", choices=cluttered_digits.SIDES[1:], default="test")
    return parser


if __name__ == "__main__":
    main()
