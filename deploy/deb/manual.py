"""`python -m deploy.deb.manual`: the manual page, with the verbs that the command has."""

import argparse
import functools
import importlib
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from agent import cli

PAGE = Path(__file__).with_name("drsn-agent.1")
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
GROUP = "drsn_agent.verbs"  # of other packages
SUMMARIES = tuple(cli.SUMMARIES.items())


def page() -> str:
    """The text of drsn-agent.1 in roff."""
    return PAGE.read_text().replace("@VERBS@", "\n".join(_verbs()))


def _verbs() -> list[str]:
    parsers = {name: (text, functools.partial(cli.define, name)) for name, text in SUMMARIES}
    for name, place in tomllib.loads(PROJECT.read_text())["project"]["entry-points"][GROUP].items():
        module, _, function = place.partition(":")
        define = getattr(importlib.import_module(module), function)
        parsers[name] = ((define.__doc__ or "").partition("\n")[0].rstrip("."), define)
    return [
        f".TP\n.BR {name} {_options(name, define)}\n{_escaped(text[:1].upper() + text[1:])}."
        for name, (text, define) in parsers.items()
    ]


def _options(name: str, define: Callable[[argparse.ArgumentParser], None]) -> str:
    """The verb's arguments as its usage line has them, in one argument of the macro."""
    parser = argparse.ArgumentParser(name, add_help=False)
    define(parser)
    usage = " ".join(parser.format_usage().split()).removeprefix(f"usage: {name}").strip()
    return f'" {_escaped(usage)}"' if usage else '""'


def _escaped(text: str) -> str:
    """Text that roff prints as it stands."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")


if __name__ == "__main__":
    sys.stdout.write(page())
