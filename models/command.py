"""What every command of this package needs: the train extra, quiet libraries, one-line errors."""

import argparse
import contextlib
import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence

from agent.core import extras
from agent.core.errors import CONDITION, ConditionError, SourceError, UserError

Run = Callable[[argparse.Namespace], int]
# Of the train extra.
NETWORK_PACKAGES = ("torch", "onnx", "onnxscript")
REPORT_PACKAGES = ("matplotlib", "scipy")


def main(parser: argparse.ArgumentParser) -> int:
    """Parses the command line and calls its `run`.

    A user's mistake is one line, and its exit code is that of `agent.core.errors`.
    """
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except (UserError, SourceError) as error:
        message, code = str(error), error.exit_code
    except OSError as error:
        message, code = _described(error), CONDITION
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code


def needs_torch(run: Run) -> Run:
    """Wraps a command's `run`: `UserError` where the train extra is missing, or a file."""
    return needs(NETWORK_PACKAGES, run)


def needs(packages: Sequence[str], run: Run) -> Run:
    """Wraps a command's `run`: `UserError` where one of those packages is missing, or a file."""

    def checked(arguments: argparse.Namespace) -> int:
        if not all(map(importlib.util.find_spec, packages)):
            raise UserError(f"this verb needs the train extra: {extras.install('train')}")
        try:
            with _quiet():
                return run(arguments)
        except OSError as error:
            raise ConditionError(_described(error)) from None

    return checked


def say(line: str) -> None:
    """Prints one line of progress."""
    print(line, flush=True)


def positive(text: str) -> int:
    """Parses an argument that counts something: a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number above 0")
    return int(text)


def rate(text: str) -> float:
    """Parses an argument in Hz: a finite number above 0."""
    try:
        if 0 < float(text) < float("inf"):
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"found {text!r}, expected a number above 0")


def _described(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides warnings that exporter and quantizer address to their own developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logging.disable(before)
