"""The option `--config`, the same in every verb, and where a configuration lies without it."""

import argparse
from pathlib import Path

PATHS = (Path("config.yaml"), Path("/etc/drsn-agent/config.yaml"))


def define(parser: argparse.ArgumentParser) -> None:
    """Adds `--config`; without it the first of `PATHS` where a file lies is used."""
    places = ", then ".join(str(place) for place in PATHS)
    parser.add_argument(
        "--config", type=Path, default=default(), metavar="FILE", help=f"default: {places}"
    )


def default() -> Path:
    """The configuration in the folder where the command runs, else the service's."""
    return next((place for place in PATHS if place.is_file()), PATHS[-1])
