"""What to install for an optional part of the agent, on the system that it runs on."""

import sys
from pathlib import Path

PACKAGED = Path("/opt/drsn-agent/lib")  # of the Debian package, which has the extra `box` alone


def install(extra: str) -> str:
    """The command that installs that extra."""
    command = f"pip install 'drsn-agent[{extra}]'"
    if sys.flags.isolated and Path(__file__).is_relative_to(PACKAGED):
        return f"not in the Debian package: python3 -m venv venv && venv/bin/{command}"
    return command
