"""The log: single lines on standard error, whatever a message contains."""

import argparse
import logging
import sys


class OneLine(logging.Formatter):
    """Escapes what is not printable, so that nobody can forge, hide or reorder log lines."""

    def format(self, record: logging.LogRecord) -> str:
        return escape(super().format(record))


def escape(text: str) -> str:
    """The text with its control, format and separator characters as Python escapes.

    Covers C0, DEL and C1 controls, line separators (U+2028, U+2029), bidirectional controls and
    everything else that Unicode calls not printable.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
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
