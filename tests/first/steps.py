"""The steps: each is a line of the README, with a new user's own values in it."""

import re
from dataclasses import dataclass

from tests.support.paths import PROJECT

from . import material

README = (PROJECT / "README.md").read_text()
CHECKOUT = "/srv/drsn-agent.git"
VALUES = {"git clone URL": f"git clone {CHECKOUT}", "--rpm 1480": f"--rpm {material.RPM}"}


@dataclass(frozen=True)
class Step:
    """What a user does next."""

    title: str
    line: str  # as the README has it
    network: bool = False
    shows: str = ""  # the pattern of a line to quote

    @property
    def typed(self) -> str:
        line = self.line
        for value, own in VALUES.items():
            line = line.replace(value, own)
        return line

    @property
    def is_documented(self) -> bool:
        """Whether the README has the line, alone or before a comment."""
        return re.search(rf"^{re.escape(self.line)}(?:  +#.*)?$", README, re.MULTILINE) is not None


CLONE = Step("clone", "git clone URL drsn-agent && cd drsn-agent")
RUN = Step("first state, and the page", "venv/bin/drsn-agent run")
STEPS = (
    CLONE,
    Step("demo, with its set-up", "make demo", network=True, shows=r"^Found: .*"),
    Step("install", "python3 -m venv venv && venv/bin/pip install .", network=True),
    Step(
        "replay a recording",
        "venv/bin/drsn-agent replay recording.flac --rpm 1480 --bearing 6205",
        shows=r"^recording\.flac: .*",
    ),
    Step(
        "first configuration",
        "venv/bin/drsn-agent init --source file --set path=recording.flac --rpm 1480 "
        "--bearing 6205 --broker none --page",
        shows=r"^wrote .*",
    ),
    RUN,
    Step("install what training needs", "venv/bin/pip install '.[train]'", network=True),
    Step(
        "train on three folders",
        "venv/bin/drsn-agent train recordings/ --out mine.onnx",
        shows=r"^INT8 and float agree.*",
    ),
    Step(
        "replay by the own model",
        "venv/bin/drsn-agent replay recording.wav --model ./mine.onnx",
        shows=r"^recording\.wav: .*",
    ),
)
