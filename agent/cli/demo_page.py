"""`demo --page` and `demo --mic`: the agent on a machine to break, or a microphone, and its page.

Everything is real but the machine: a broker on loopback, the agent with its outbox, and a page
that turns up the noise while a second network without thresholds hears the same.
"""

import dataclasses
import secrets
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from agent import sources
from agent.cli.demo_agent import AGENT, BASE, HOST, free_port, running_broker, valid_port
from agent.config import load
from agent.config import page as options
from agent.core.errors import UserError
from agent.inference import classifier, zoo
from agent.service.daemon import Daemon
from agent.web import demo_harness
from agent.web.demo_harness import Stage

HOP_S = 0.1
PORT = 8080


@dataclass(frozen=True)
class Wish:
    """What the command line asks for; None: what there is."""

    mic: bool = False
    port: int | None = None  # of the page
    broker: int | None = None  # its port
    model: str | None = None
    rival: str | None = None
    background: str | None = None
    address: str = HOST
    token: str | None = None  # "": a new one


def demo(wish: Wish) -> int:
    """Until Ctrl-C; the exit code."""
    token = _token(wish)
    if wish.mic:
        _try_microphone()
    port = free_port(PORT) if wish.port is None else valid_port("--page", wish.port)
    broker = free_port(1883) if wish.broker is None else valid_port("--port", wish.broker)
    page = options.Page(port=port, address=wish.address)
    with running_broker(broker), tempfile.TemporaryDirectory() as state_dir:
        chosen = dataclasses.replace(load.parse(tree(wish, broker, state_dir)), page=page)
        daemon = Daemon(chosen, stage=_stage(wish, token))
        print(f"page    {_url(wish.address, port, token)}   (Ctrl-C ends it)")
        print(f"broker  mosquitto_sub -p {broker} -v -t '{BASE}/#'", flush=True)
        return daemon.run()


def _model(wish: Wish) -> str:
    """Words for a microphone, where there is a network for them; a bearing else."""
    words = wish.mic and "digits" in zoo.released()
    return wish.model or ("digits" if words else "bearing")


def _stage(wish: Wish, token: str | None) -> Stage:
    model = _model(wish)
    own = classifier.load(zoo.find(model))
    rate_hz, name = own.contract.rate_hz, wish.rival
    if name is None and f"{model}-resnet" in zoo.released():
        name = f"{model}-resnet"
    return Stage(
        rate_hz=rate_hz,
        simulated=not wish.mic,
        rival=None if name is None else demo_harness.rival(own, zoo.find(name)),
        background=None
        if wish.background is None
        else demo_harness.background(Path(wish.background), rate_hz),
        token=token,
    )


def tree(wish: Wish, broker: int, state_dir: str) -> dict[str, object]:
    """The settings of such an agent."""
    source = {"name": "machine", "kind": "synth"}
    if wish.mic:
        source = {"name": "microphone", "kind": "mic"}
    return {
        "agent": {"id": AGENT, "state_dir": state_dir},
        "mqtt": {"host": HOST, "port": broker, "base": BASE, "version": "3.1.1"},
        "sources": [source | {"model": _model(wish), "hop_s": HOP_S}],
    }


def _try_microphone() -> None:
    """Told at once, in one line: no such kind, no PortAudio, no microphone."""
    if "mic" not in sources.KINDS:
        raise UserError("--mic: this drsn-agent has no source of the kind mic")
    sources.open_source("mic", sources.options("mic")()).close()


def _token(wish: Wish) -> str | None:
    if wish.token is None:
        if not options.is_loopback(wish.address):
            raise UserError(
                f"--address: found {wish.address} and no --token, expected one where others "
                "can reach the page (--token alone makes one)"
            )
        return None
    return options.long_enough(wish.token or secrets.token_urlsafe(24), "--token")


def _url(address: str, port: int, token: str | None) -> str:
    host = socket.gethostname() if address in ("0.0.0.0", "::") else address
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + ("" if token is None else f"?token={token}")
