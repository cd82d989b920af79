"""`bundle`: packs a model file, its card and a manifest into one signed file; makes a key."""

import argparse
from pathlib import Path

from agent.core import files
from agent.core.errors import ConditionError, UserError
from agent.inference import bundle as bundles
from agent.inference import signing


def define(parser: argparse.ArgumentParser) -> None:
    def bundle(arguments: argparse.Namespace) -> int:
        if arguments.new_key is not None:
            public = signing.make(arguments.new_key)
            print(f"{arguments.new_key}: keep it to yourself")
            print(f"{public}: for rollout.keys of each agent")
            return 0
        if arguments.model is None:
            raise UserError("bundle: found no model, expected an .onnx file or --new-key FILE")
        key = None if arguments.key is None else signing.private_key(arguments.key)
        manifest, data = bundles.pack(arguments.model, arguments.card, key)
        out = arguments.out or Path(f"{manifest.name}-{manifest.version}.drsn")
        try:
            files.write(out, data)
        except OSError as error:
            raise ConditionError(f"{out}: cannot be written: {error.strerror}") from None
        signed = "not signed" if key is None else "signed"
        print(f"{out}: {manifest.name} {manifest.version}, {len(data)} bytes, {signed}")
        return 0

    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--card", type=Path, metavar="FILE", help="its model card, Markdown")
    parser.add_argument("--key", type=Path, metavar="FILE", help="Ed25519 private key, PEM")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: NAME-VERSION.drsn")
    parser.add_argument(
        "--new-key", type=Path, metavar="FILE", help="make a private key, and .pub.pem beside it"
    )
    parser.set_defaults(run=bundle)
