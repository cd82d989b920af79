"""What every verb needs around it: the train extra, quiet libraries, mistakes in one line."""

import argparse
import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator

from agent.core.errors import UserError

Run = Callable[[argparse.Namespace], int]


def needs_torch(run: Run) -> Run:
    def checked(arguments: argparse.Namespace) -> int:
        if not all(map(importlib.util.find_spec, ("torch", "onnx", "onnxscript"))):
            raise UserError("this verb needs the train extra: pip install 'drsn-agent[train]'")
        try:
            with _quiet():
                return run(arguments)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise UserError(f"{where}{error.strerror}") from None

    return checked


def say(line: str) -> None:
    print(line, flush=True)


def positive(text: str) -> int:
    """The type of an argument that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number above 0")
    return int(text)


def rate(text: str) -> float:
    """The type of an argument in Hz."""
    try:
        if 0 < float(text) < float("inf"):
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"found {text!r}, expected a number above 0")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter and the quantizer tell their own developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.disable(before)
