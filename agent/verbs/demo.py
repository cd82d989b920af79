"""`demo`: a simulated machine, a broker and a subscriber."""

import argparse

from agent import logs


def define(parser: argparse.ArgumentParser) -> None:
    def demo(chosen: argparse.Namespace) -> int:
        from agent.demo import demo

        logs.start("WARNING")
        return demo(chosen.seconds, chosen.port)

    parser.add_argument("--seconds", type=float, default=60.0, help="length of the scenario")
    parser.add_argument(
        "--port", type=int, help="of the demo's broker; default: 1883 or a free one"
    )
    parser.set_defaults(run=demo)
