"""`python -m models recalibrate`, for the zoo."""

import argparse
from pathlib import Path

from models.command import needs_torch, say
from models.data import recipe as recipes


def recalibrate(parser: argparse.ArgumentParser) -> None:
    """Defines the arguments of `recalibrate`."""
    parser.add_argument("model", type=Path, help="the released file; its other forms change too")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recipe's data sets")
    parser.set_defaults(run=needs_torch(_run))


def _run(arguments: argparse.Namespace) -> int:
    import onnx

    from agent.inference import variant_files
    from models.export.recalibrate import measure, rewrite, windows
    from models.training.train import training_recordings

    recipe = recipes.load(arguments.recipe)
    recordings = training_recordings(recipe, arguments.data)
    noisy = windows(recipe, arguments.data)
    calibration = measure(onnx.load(arguments.model), recipe, recordings, noisy)
    for path in (arguments.model, *variant_files.existing(arguments.model).values()):
        rewrite(path, calibration)
        say(
            f"{path}: temperature {calibration.temperature:.3f}, "
            f"max_distance {calibration.max_distance:.4f}"
        )
    return 0
