"""`bundle`: a model file, its card and a manifest in one signed file; a key to sign with."""

import argparse
from pathlib import Path

from agent.core import files
from agent.core.errors import UserError
from agent.inference import bundle as bundles
from agent.inference import signing


def define(parser: argparse.ArgumentParser) -> None:
    def bundle(chosen: argparse.Namespace) -> int:
        if chosen.new_key is not None:
            public = signing.make(chosen.new_key)
            print(
                f"{chosen.new_key}: keep it to yourself\n{public}: for rollout.keys of each agent"
            )
            return 0
        if chosen.model is None:
            raise UserError("bundle: found no model, expected an .onnx file or --new-key FILE")
        key = None if chosen.key is None else signing.private_key(chosen.key)
        manifest, data = bundles.pack(chosen.model, chosen.card, key)
        out = chosen.out or Path(f"{manifest.name}-{manifest.version}.drsn")
        try:
            files.write(out, data)
        except OSError as error:
            raise UserError(f"{out}: cannot be written: {error.strerror}") from None
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
