"""`drsn-agent evaluate`. Needs no torch."""

import argparse
from pathlib import Path

from agent.core.errors import UserError
from models.cli import read_recordings
from models.command import REPORT_PACKAGES, needs, say
from models.data.noise import Draw


def evaluate(parser: argparse.ArgumentParser) -> None:
    """Defines the arguments of `evaluate`."""
    parser.add_argument("model", type=Path, help="a name in the zoo or an .onnx file")
    parser.add_argument("--data", type=Path, required=True, help="recordings: manifest or folders")
    parser.add_argument("--out", type=Path, required=True, help=".html file; .json beside it")
    parser.add_argument(
        "--split", default="val", help="of the recordings to evaluate on (%(default)s)"
    )
    parser.add_argument("--backgrounds", type=Path, help="recordings to use as noise as well")
    parser.add_argument("--hop-s", type=float, default=0.1, help="the agent's hop (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    read_recordings.add(parser)
    read_recordings.add_rate(parser)
    parser.set_defaults(run=needs(REPORT_PACKAGES, _run))


def _run(arguments: argparse.Namespace) -> int:
    from agent.inference import classifier, zoo
    from models.data import backgrounds, held_out
    from models.evaluation import charts, report, summary
    from models.evaluation.evaluate import EvaluationSet, Settings, evaluate

    if arguments.out.suffix != ".html":
        raise UserError(f"--out: found {arguments.out}, expected a name that ends with .html")
    network = classifier.load(zoo.find(str(arguments.model)))
    folder = read_recordings.folder(arguments.data)
    contract, split = network.contract, arguments.split
    source = read_recordings.source(arguments, contract.channels)
    recordings = held_out.recordings(contract, folder.parent, source, [split])
    recorded: dict[str, Draw] = {}
    if arguments.backgrounds:
        recorded = backgrounds.load(arguments.backgrounds, contract.rate_hz, contract.window)
    dataset = EvaluationSet(folder.name, split, recordings)
    settings = Settings(arguments.seed, arguments.hop_s, recorded)
    evaluation = evaluate(network, dataset, settings, say)
    report.write(evaluation, arguments.out)
    images = charts.write(evaluation, arguments.out)
    say(summary.table(evaluation))
    say(f"wrote {arguments.out.with_suffix('.html')}, .json and {len(images)} .png")
    return 0
