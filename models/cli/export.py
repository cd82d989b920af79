"""`drsn-agent export`."""

import argparse
from pathlib import Path

from models.command import needs_torch, say


def export(parser: argparse.ArgumentParser) -> None:
    """Defines the arguments of `export`."""
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True, help=".onnx file to write")
    parser.set_defaults(run=needs_torch(_run))


def _run(arguments: argparse.Namespace) -> int:
    from models.export import onnx_export
    from models.training.checkpoint import load

    checkpoint = load(arguments.checkpoint)
    onnx_export.export(checkpoint, arguments.out, onnx_export.contract_of(checkpoint))
    say(f"wrote {arguments.out}")
    return 0
