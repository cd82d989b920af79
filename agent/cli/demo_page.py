"""`demo --page` and `demo --mic`: the agent on a machine to break, or a microphone, and its page.

Everything is real but the machine: a broker on loopback, the agent with its outbox, and a page
with controls for the noise, on which a second network without thresholds scores the same windows.
"""

import secrets
import socket
import tempfile
from pathlib import Path

import msgspec

from agent import sources
from agent.cli.demo_agent import AGENT, BASE, HOST, free_port, running_broker, valid_port
from agent.config import access, load
from agent.config import page as page_section
from agent.core.errors import UserError
from agent.inference import classifier, zoo
from agent.service.daemon import Daemon
from agent.sources.machine_simulator import Spec
from agent.web import demo_harness
from agent.web.demo_harness import DemoHarness
from agent.web.site import Site

HOP_S = 0.1
PORT = 8080


class DemoOptions(msgspec.Struct, frozen=True):
    """The command line's options; None: the default."""

    mic: bool = False
    port: int | None = None  # of the page
    broker: int | None = None  # its port
    model: str | None = None
    rival: str | None = None
    background: str | None = None
    address: str = HOST
    token: str | None = None  # "": a new one


def demo(options: DemoOptions) -> int:
    """Runs until Ctrl-C; returns the exit code."""
    token = _token(options)
    if options.mic:
        _try_microphone()
    port = free_port(PORT) if options.port is None else valid_port("--page", options.port)
    broker = free_port(1883) if options.broker is None else valid_port("--port", options.broker)
    page = page_section.Page(port=port, address=options.address)
    with running_broker(broker), tempfile.TemporaryDirectory() as state_dir:
        config = msgspec.structs.replace(load.parse(tree(options, broker, state_dir)), page=page)
        harness = _harness(options, token)
        site = Site(page, config.agent.id, Path(state_dir), harness=harness)
        daemon = Daemon(config, observers=(site,), wrap_source=harness.wrap)
        print(f"page    {_url(options.address, port, token)}   (Ctrl-C ends it)")
        print(f"broker  mosquitto_sub -p {broker} -v -t '{BASE}/#'", flush=True)
        return daemon.run()


def _model(options: DemoOptions) -> str:
    """The model's name: spoken digits for a microphone where released, else the bearing."""
    words = options.mic and "digits" in zoo.released()
    return options.model or ("digits" if words else "bearing")


def _harness(options: DemoOptions, token: str | None) -> DemoHarness:
    model = _model(options)
    network = classifier.load(zoo.find(model))
    rate_hz, name = network.contract.rate_hz, options.rival
    if name is None and f"{model}-resnet" in zoo.released():
        name = f"{model}-resnet"
    return DemoHarness(
        rate_hz=rate_hz,
        simulated=not options.mic,
        rival=None if name is None else demo_harness.rival(network, zoo.find(name)),
        background=None
        if options.background is None
        else demo_harness.background(Path(options.background), rate_hz),
        token=token,
    )


def tree(options: DemoOptions, broker: int, state_dir: str) -> dict[str, object]:
    """The settings of such an agent."""
    source: dict[str, object] = {
        "name": "machine",
        "kind": "synth",
        "rpm": Spec().rpm,
        "bearing": msgspec.to_builtins(Spec().bearing.orders),
    }
    if options.mic:
        source = {"name": "microphone", "kind": "mic"}
    return {
        "agent": {"id": AGENT, "state_dir": state_dir},
        "mqtt": {"host": HOST, "port": broker, "base": BASE, "version": "3.1.1"},
        "sources": [source | {"model": _model(options), "hop_s": HOP_S}],
    }


def _try_microphone() -> None:
    """Fails early with one line: no such kind, no PortAudio, no microphone."""
    if "mic" not in sources.KINDS:
        raise UserError("--mic: this drsn-agent has no source of the kind mic")
    sources.open_source("mic", sources.options("mic")()).close()


def _token(options: DemoOptions) -> str | None:
    if options.token is None:
        if not access.is_loopback(options.address):
            raise UserError(
                f"--address: found {options.address} and no --token, expected one where others "
                "can reach the page (--token alone makes one)"
            )
        return None
    return access.long_enough(options.token or secrets.token_urlsafe(24), "--token")


def _url(address: str, port: int, token: str | None) -> str:
    host = socket.gethostname() if address in ("0.0.0.0", "::") else address
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + ("" if token is None else f"?token={token}")
