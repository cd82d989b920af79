"""`devices`: the inputs that `kind: mic` can name."""

import argparse

from agent.core.errors import UserError
from agent.sources import portaudio


def define(parser: argparse.ArgumentParser) -> None:
    def devices(_arguments: argparse.Namespace) -> int:
        inputs = portaudio.inputs()
        if not inputs:
            raise UserError("found no sound input (of a user in the group audio, or of a server)")
        for each in inputs:
            own = f"{each.channels} channel(s), {each.rate_hz:g} Hz by default"
            print(f"{each.index:3} {each.name}, {each.api}: {own}")
        return 0

    parser.set_defaults(run=devices)
