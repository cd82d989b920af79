"""The log: single lines on standard error, whatever a message contains."""

import argparse
import logging
import sys

TIME = "%Y-%m-%d %H:%M:%S"  # local


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
    """Sends the log to standard error, with the time where that is a terminal.

    systemd and containers add the time by themselves.
    """
    handler = logging.StreamHandler(sys.stderr)
    time = "%(asctime)s " if sys.stderr.isatty() else ""
    handler.setFormatter(OneLine(f"{time}%(levelname)s %(name)s: %(message)s", TIME))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def add_level(parser: argparse.ArgumentParser, default: str) -> None:
    """The option by which a verb takes its level."""
    parser.add_argument(
        "--log-level", choices=("DEBUG", "INFO", "WARNING", "ERROR"), default=default
    )
