"""`drsn-agent evaluate`. Needs no torch."""

import argparse
from pathlib import Path

from models.cli import read_recordings
from models.data.noise import Draw
from models.guard import say


def evaluate(parser: argparse.ArgumentParser) -> None:
    """Measure a model file on recordings, in every noise: JSON, HTML report and charts."""
    parser.description = evaluate.__doc__
    parser.add_argument("model", type=Path, help="a name in the zoo or an .onnx file")
    parser.add_argument("--data", type=Path, required=True, help="recordings: manifest or folders")
    parser.add_argument("--out", type=Path, required=True, help=".html file; .json beside it")
    parser.add_argument("--split", default="val", help="side to judge on (%(default)s)")
    parser.add_argument("--backgrounds", type=Path, help="recordings to use as noise as well")
    parser.add_argument("--hop-s", type=float, default=0.1, help="of the agent (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    read_recordings.add(parser)
    read_recordings.add_rate(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.inference import classifier, zoo
    from models.data import backgrounds, held_out
    from models.evaluation import charts, report, summary
    from models.evaluation import evaluate as judge

    network, folder = (
        classifier.load(zoo.find(str(arguments.model))),
        read_recordings.folder(arguments.data),
    )
    contract, seed, hop_s = network.contract, arguments.seed, arguments.hop_s
    source, split = read_recordings.source(arguments, contract.channels), arguments.split
    recordings = held_out.recordings(contract, folder.parent, source, [split])
    recorded: dict[str, Draw] = {}
    if arguments.backgrounds:
        recorded = backgrounds.load(arguments.backgrounds, contract.rate_hz, contract.window)
    conditions = judge.evaluate(network, recordings, recorded, seed, hop_s, say)
    found = judge.described(network, folder.name, split, recordings, conditions, seed, hop_s)
    report.write(found, arguments.out)
    drawn = charts.write(found, arguments.out)
    say(summary.table(found))
    say(f"wrote {arguments.out.with_suffix('.html')}, .json and {len(drawn)} .png")
    return 0
