"""`config`: prints the example configuration, or the JSON Schema of one for an editor."""

import argparse
import json
import sys
from importlib import resources


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--schema", action="store_true", help="its JSON Schema, for editors")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.schema:
        from agent.config import json_schema

        sys.stdout.write(json.dumps(json_schema.schema(), indent=1) + "\n")
    else:
        example = resources.files("agent.config") / "config.example.yaml"
        sys.stdout.write(example.read_text("utf-8"))
    return 0
