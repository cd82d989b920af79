"""The log: single lines on standard error, whatever a message contains."""

import argparse
import logging
import re
import sys

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class OneLine(logging.Formatter):
    """Escapes control characters, so that nobody can write a second line into the log."""

    def format(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub(
            lambda found: found[0].encode("unicode_escape").decode(), super().format(record)
        )


def start(level: str = "INFO") -> None:
    """Sends the log to standard error. systemd adds time, host and unit by itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def add_level(parser: argparse.ArgumentParser, default: str) -> None:
    """The option by which a verb takes its level."""
    parser.add_argument(
        "--log-level", choices=("DEBUG", "INFO", "WARNING", "ERROR"), default=default
    )
