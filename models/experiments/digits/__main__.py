"""Images: every family by one recipe on digits in clutter and noise, seed by seed.

    python -m models.experiments.digits run --out runs/images.jsonl --seeds 0 1 2 3 4
    python -m models.experiments.digits table --results runs/images.jsonl
    python -m models.experiments.digits report --results runs/images.jsonl --out runs/images.html

The images are split before any canvas is made (`models.experiments.digits.cluttered_digits`):
networks learn from `train`, the recipe was chosen on `validation`, and the figures are those of
`test`. Every network is tested on the same canvases. `run` continues where it was stopped, and
saves the weights beside the results.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import nn

from agent.core.errors import UserError
from models import command
from models.command import say
from models.evaluation.results import append, load
from models.experiments.digits import cluttered_digits, page
from models.experiments.digits import report as digits_report
from models.experiments.digits.cluttered_digits import CANVAS, CLASSES, Array, Digits, Indices
from models.experiments.digits.evaluation import canvas_set, evaluate
from models.experiments.digits.records import DigitsRun, conditions
from models.experiments.digits.table import REFERENCE, table
from models.networks import cost, images

STEPS, BATCH, RATE, DECAY = 1000, 32, 0.008, 0.01
SNR_DB, CLEAN, FRAGMENTS = (-5.0, 15.0), 0.1, 4  # in training: range, share without, at most
RESULTS = Path("runs/images.jsonl")


@dataclass(frozen=True)
class Plan:
    """The networks to train, and the side of the split to test them on."""

    families: Sequence[str]
    seeds: Sequence[int]
    side: str
    steps: int = STEPS


def train(family: str, seed: int, digits: Digits, steps: int = STEPS) -> nn.Module:
    """A network trained on fresh canvases; the same seed gives the same network."""
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
    """An endless stream of pixels [BATCH, 1, 28, 28] and targets; every canvas is new."""
    while True:
        index = rng.integers(len(digits.targets), size=BATCH)
        clean = cluttered_digits.place(digits, index, rng.integers(FRAGMENTS + 1, size=BATCH), rng)
        snr_db = rng.uniform(*SNR_DB, BATCH)
        snr_db[rng.random(BATCH) < CLEAN] = np.inf
        yield (
            cluttered_digits.add(clean, snr_db.astype(np.float32), cluttered_digits.any_noise, rng),
            clean.targets,
        )


def run(digits: Mapping[str, Digits], plan: Plan, out: Path) -> None:
    """Trains and tests the networks of the plan that are not in `out` yet, a line each."""
    done = {(run.family, run.seed, run.side) for run in load(out, DigitsRun)}
    sets = [canvas_set(digits[plan.side], condition) for condition in conditions()]
    for seed in plan.seeds:
        for family in plan.families:
            if (family, seed, plan.side) not in done:
                start = time.process_time()
                network = train(family, seed, digits["train"], plan.steps)
                train_s = round(time.process_time() - start, 1)
                results, hits = evaluate(network, sets)
                sizes = cost.parameters(network), cost.macs(network, 1, CANVAS, CANVAS)
                record = DigitsRun(family, seed, plan.side, *sizes, train_s, results, hits)
                _save(out, network, record)


def report(digits: Mapping[str, Digits], results: Path, side: str, out: Path) -> None:
    """Writes the page, and its figures as JSON beside it."""
    runs = _runs(results, side)
    seed = min(run.seed for run in runs if run.family == REFERENCE)
    network = images.build(REFERENCE, 1, CLASSES)
    network.load_state_dict(torch.load(weights(results, REFERENCE, seed), weights_only=True))
    sets = [canvas_set(digits[side], condition) for condition in digits_report.SAMPLED]
    samples = [digits_report.sample_of(network, canvases) for canvases in sets]
    record = digits_report.report(runs, seed, samples)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    out.write_text(page.page(record, runs, samples))


def weights(results: Path, family: str, seed: int) -> Path:
    """The file of a trained network's weights."""
    return results.with_suffix("") / f"{family}-{seed}.pt"


def _save(out: Path, network: nn.Module, record: DigitsRun) -> None:
    """Saves the weights first, so that a line of results implies their presence."""
    path = weights(out, record.family, record.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
    append(out, record, f"{record.family}, seed {record.seed}: {record.train_s:g} s")


def _runs(results: Path, side: str) -> list[DigitsRun]:
    """The runs that were tested on `side`; raises UserError where REFERENCE is not among them."""
    runs = [run for run in load(results, DigitsRun) if run.side == side]
    if not any(run.family == REFERENCE for run in runs):
        raise UserError(
            f"{results}: found no run of {REFERENCE} tested on {side}, expected one: `run` first"
        )
    return runs


def parser() -> argparse.ArgumentParser:
    """The arguments of `python -m models.experiments.digits`."""
    parser = argparse.ArgumentParser(
        prog="python -m models.experiments.digits", description=__doc__.partition("\n")[0]
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="train and test; continues where it was stopped")
    running.add_argument("--out", type=Path, default=RESULTS)
    running.add_argument("--families", nargs="+", choices=images.FAMILIES, default=images.FAMILIES)
    running.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    running.add_argument("--steps", type=int, default=STEPS)
    running.set_defaults(run=_run)
    tabled = verbs.add_parser("table", help="print the results as Markdown")
    tabled.set_defaults(run=_table)
    reporting = verbs.add_parser("report", help="write a page, and its JSON beside it")
    reporting.add_argument("--out", type=Path, default=RESULTS.with_suffix(".html"))
    reporting.set_defaults(run=_report)
    for verb in (tabled, reporting):
        verb.add_argument("--results", type=Path, default=RESULTS)
    for verb in (running, tabled, reporting):
        verb.add_argument("--side", choices=cluttered_digits.SIDES[1:], default="test")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    plan = Plan(arguments.families, arguments.seeds, arguments.side, arguments.steps)
    run(cluttered_digits.sides(), plan, arguments.out)
    return 0


def _table(arguments: argparse.Namespace) -> int:
    say(table(_runs(arguments.results, arguments.side)))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    report(cluttered_digits.sides(), arguments.results, arguments.side, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(command.main(parser()))
