"""`demo`: a simulated machine, a broker and a subscriber; or a page, with a microphone too."""

import argparse

from agent.core import logs
from agent.core.errors import UserError


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="length of the scenario (60)")
    parser.add_argument(
        "--port", type=int, help="of the demo's broker; default: 1883 or a free one"
    )
    page = parser.add_argument_group("on a page, in a browser")
    page.add_argument(
        "--page",
        type=int,
        nargs="?",
        const=None,
        default=False,
        metavar="PORT",
        help="a machine to break and noise to turn up; default: 8080 or a free port",
    )
    page.add_argument("--mic", action="store_true", help="the same with this machine's microphone")
    page.add_argument("--model", help="a name in the zoo or an .onnx file")
    page.add_argument("--rival", metavar="MODEL", help="a second network that hears the same")
    page.add_argument("--background", metavar="FILE", help="a recording to mix in as noise")
    page.add_argument("--address", help="another than loopback needs --token")
    page.add_argument(
        "--token", nargs="?", const="", help="what a browser must know; without a value: a new one"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    logs.start("WARNING")
    if arguments.page is False and not arguments.mic:
        _refuse_options_of_the_page(arguments)
        from agent.cli.demo_agent import demo

        return demo(60.0 if arguments.seconds is None else arguments.seconds, arguments.port)
    if arguments.seconds is not None:
        raise UserError("--seconds: found it beside a page, which runs until Ctrl-C: leave it out")
    from agent.cli import demo_page as on_page

    options = on_page.DemoOptions(
        mic=arguments.mic,
        port=arguments.page or None,
        broker=arguments.port,
        model=arguments.model,
        rival=arguments.rival,
        background=arguments.background,
        address=arguments.address or "127.0.0.1",
        token=arguments.token,
    )
    return on_page.demo(options)


def _refuse_options_of_the_page(arguments: argparse.Namespace) -> None:
    """`UserError` for an option that would do nothing."""
    for option in ("model", "rival", "background", "address", "token"):
        if getattr(arguments, option) is not None:
            raise UserError(f"--{option}: found neither --page nor --mic, expected one beside it")
