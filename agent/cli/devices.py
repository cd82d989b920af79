"""`devices`: lists the sound inputs that `kind: mic` can use."""

import argparse

from agent.core.errors import UserError
from agent.sources import portaudio


def define(parser: argparse.ArgumentParser) -> None:
    def devices(_arguments: argparse.Namespace) -> int:
        inputs = portaudio.inputs()
        if not inputs:
            raise UserError("found no sound input (of a user in the group audio, or of a server)")
        for item in inputs:
            channels = f"{item.channels} channel(s), {item.rate_hz:g} Hz by default"
            print(f"{item.index:3} {item.name}, {item.api}: {channels}")
        return 0

    parser.set_defaults(run=devices)
