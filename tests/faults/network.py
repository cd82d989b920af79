"""Networks and brokers that are silent, absent or contested."""

import contextlib
import math
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.conftest import MOSQUITTO, Broker, free_port

from .listener import Listener
from .outcome import Check, Skip, at_most, injection, none
from .proxy import Proxy
from .unit import Unit
from .world import Running, World, last_kept, seconds_until

QUIET = "noticed within 8 s, shutdown within 5 s"
NOTICED = r"stalled|lost|unreachable|disconnected"
HERE, THERE = "10.213.77.1", "10.213.77.2"  # the two ends of a cable that only the test has
CLIENT_ID = "one-for-two"


@injection("broker frozen (SIGSTOP)", QUIET, short=True)
def frozen(world: World) -> list[Check]:
    broker = world.broker()
    assert broker.process is not None
    listener = world.listen(broker.port)
    pid = broker.process.pid
    return _unheard(
        world,
        listener,
        broker.port,
        lambda: os.kill(pid, signal.SIGSTOP),
        lambda: os.kill(pid, signal.SIGCONT),
    )


@injection("acknowledgements black-holed: the cable takes everything and gives nothing back", QUIET)
def black_hole(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    proxy = world.stack.enter_context(Proxy(broker.port))

    def silent(so: bool) -> None:
        proxy.lose_down = so

    return _unheard(world, listener, proxy.port, lambda: silent(True), lambda: silent(False))


@injection("packets dropped in a network namespace", QUIET)
def dropped_packets(world: World) -> list[Check]:
    with _namespace() as (_, inside):
        broker_port, side_port = free_port(), free_port()
        _broker_in(world, inside, (broker_port, side_port))
        listener = world.listen(side_port, THERE)
        rules = [
            [*inside, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(broker_port)],
            [*inside, "iptables", "-A", "OUTPUT", "-p", "tcp", "--sport", str(broker_port)],
        ]
        return _unheard(
            world,
            listener,
            broker_port,
            lambda: _run_all([*rule, "-j", "DROP"] for rule in rules),
            lambda: _run(*inside, "iptables", "-F"),
            THERE,
        )


def _unheard(
    world: World,
    listener: Listener,
    port: int,
    silence: Callable[[], object],
    heal: Callable[[], object],
    host: str = "127.0.0.1",
) -> list[Check]:
    """Nobody answers any more: noticed, left in time, and all delivered once somebody does."""
    to = {"host": host}
    agent = world.start(world.tree(port, world.live(100), mqtt=to))
    seconds_until(lambda: len(listener.windows()) > 50, 20)
    already = len(agent.logged())
    silence()
    noticed_s = seconds_until(lambda: re.search(NOTICED, agent.logged()[already:]), 20)
    stopped_s = agent.stopped_after_s()
    heal()
    drained = world.drain(port, mqtt=to)
    return [
        at_most("noticed after", noticed_s, 8.0, " s"),
        at_most("stopped after", stopped_s, 5.0, " s"),
        Check("exit code", agent.process.poll(), agent.process.poll() == 0),
        Check("delivered to the end", drained, drained),
        none("lost", listener.book.missing()),
    ]


# -- a network of our own ---------------------------------------------------------------


@contextlib.contextmanager
def _namespace() -> Iterator[tuple[str, list[str]]]:
    """A network namespace at the end of a virtual cable, and what runs a command in it."""
    name = f"drsn{os.getpid()}"
    near, far = f"dn{os.getpid()}", f"df{os.getpid()}"
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "iptables"))):
        raise Skip("needs root, iproute2 and iptables")
    try:
        _run("ip", "netns", "add", name)
    except subprocess.CalledProcessError as error:
        raise Skip(f"no network namespaces here: {error.stderr.decode().strip()}") from None
    inside = ["ip", "netns", "exec", name]
    try:
        _run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _run("ip", "addr", "add", f"{HERE}/24", "dev", near)
        _run("ip", "link", "set", near, "up")
        _run(*inside, "ip", "addr", "add", f"{THERE}/24", "dev", far)
        _run(*inside, "ip", "link", "set", far, "up")
        yield name, inside
    finally:
        subprocess.run(["ip", "link", "del", near], check=False, stderr=subprocess.DEVNULL)
        _run("ip", "netns", "del", name)


def _broker_in(world: World, inside: list[str], ports: tuple[int, int]) -> None:
    """A mosquitto in that namespace: one port for the agent, one for who listens."""
    config = world.folder / "namespace.conf"
    listeners = "".join(f"listener {port} {THERE}\n" for port in ports)
    config.write_text(f"user root\nallow_anonymous true\npersistence false\n{listeners}")
    log = (world.folder / "namespace.log").open("wb")
    broker = subprocess.Popen([*inside, str(MOSQUITTO), "-c", str(config)], stdout=log, stderr=log)
    world.stack.callback(broker.wait)
    world.stack.callback(broker.kill)
    up_s = seconds_until(lambda: "running" in Path(log.name).read_text(), 5)
    assert up_s < math.inf, "mosquitto does not start in the namespace"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _run_all(commands: Iterable[Sequence[str]]) -> None:
    for command in commands:
        _run(*command)


# -- two for one ------------------------------------------------------------------------


@injection(
    "two agents with one client id: one box cloned; two names with the same `client_id`",
    "both say so; no reconnect storm (>= 30 s backoff)",
)
def one_id_for_two(world: World) -> list[Check]:
    checks = _rivals(world, "cloned", ("box", "box"))
    return checks if world.quick else checks + _rivals(world, "named", ("first", "second"))


def _rivals(world: World, case: str, names: tuple[str, str]) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    agents = []
    for number, name in enumerate(names):
        mqtt = {"client_id": CLIENT_ID}
        tree = world.tree(broker.port, world.live(10), name=name, mqtt=mqtt)
        tree["agent"]["state_dir"] = str(world.state(f"{case}-{number}"))
        agents.append(world.start(tree))
    watched_s = world.size(150, 75)
    began_s = time.monotonic()
    both_s = seconds_until(lambda: all(a.says("another agent") for a in agents), watched_s)
    time.sleep(max(0.0, began_s + watched_s - time.monotonic()))
    connects = _connects(broker)
    stopped_s = max(agent.stopped_after_s() for agent in agents)
    return [
        Check(f"{case}: both said so after s", both_s, both_s < math.inf),
        at_most(f"{case}: connects in {watched_s} s", len(connects), 12 + 2 * watched_s / 30),
        # Each is thrown out three times before it is sure; from then on both stand back.
        at_most(f"{case}: connects within any 10 s", _densest(connects, 10), 12),
        at_most(f"{case}: later, within any 30 s", _densest(_later(connects), 30), 3),
        Check(f"{case}: both deliver", len(listener.books), len(listener.books) == 2),
        at_most(f"{case}: stopped after", stopped_s, 5.0, " s"),
    ]


def _connects(broker: Broker) -> list[int]:
    """Unix times at which the broker let that client id in."""
    log = (broker.folder / "mosquitto.log").read_text(errors="replace")
    return [int(at) for at in re.findall(rf"(\d+): New client connected .* as {CLIENT_ID}", log)]


def _later(times: list[int]) -> list[int]:
    """From ten seconds after the first one on."""
    return [t for t in times if t > times[0] + 10]


def _densest(times: list[int], span_s: int) -> int:
    return max((sum(0 <= t - first <= span_s for t in times) for first in times), default=0)


# -- nobody there at all ----------------------------------------------------------------


@injection(
    "start without broker, network or sensor",
    "ready within 10 s, buffering",
    short=True,
)
def nothing_there(world: World) -> list[Check]:
    checks = [*_no_broker(world), *_no_sensor(world), *_nothing_and_a_watchdog(world)]
    return checks if world.quick else checks + _no_network(world)


def _no_broker(world: World) -> list[Check]:
    agent = world.start(world.tree(free_port(), world.live(100), name="no-broker"))
    return _buffers(world, agent, "no broker")


def _no_network(world: World) -> list[Check]:
    """A namespace whose cable is dead, then one whose name server never answers."""
    with _namespace() as (name, inside):
        address = world.tree(1883, world.live(100), name="no-network", mqtt={"host": HERE})
        named = world.tree(1883, world.live(100), name="no-names", mqtt={"host": "broker.test"})
        _run(*inside, "iptables", "-A", "INPUT", "-j", "DROP")
        with _name_server(name):
            return [
                *_buffers(world, world.start(address, tuple(inside)), "no network"),
                *_buffers(world, world.start(named, tuple(inside)), "no names", stays_s=30),
            ]


@contextlib.contextmanager
def _name_server(namespace: str) -> Iterator[None]:
    """`ip netns exec` gives the namespace its own resolv.conf; nobody answers at that address."""
    folder = Path("/etc/netns") / namespace
    folder.mkdir(parents=True)
    (folder / "resolv.conf").write_text(f"nameserver {HERE}\n")
    try:
        yield
    finally:
        shutil.rmtree(folder)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def _buffers(world: World, agent: Running, name: str, stays_s: float = 0.0) -> list[Check]:
    """It is ready in time, and what it finds is on disk."""
    ready_s = agent.ready_after_s()
    state = world.state(name.replace(" ", "-"))
    buffering = seconds_until(lambda: last_kept(state) > 100, 10) < math.inf
    seconds_until(lambda: not agent.lives, stays_s)
    lived = agent.lives
    stopped_s = agent.stopped_after_s()
    return [
        at_most(f"{name}: ready after", ready_s, 10.0, " s"),
        Check(f"{name}: buffering", buffering, buffering),
        Check(f"{name}: stays", lived, lived),
        at_most(f"{name}: stopped after", stopped_s, 5.0, " s"),
    ]


def _no_sensor(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    agent = world.start(world.tree(broker.port, world.stream(free_port()), world.live(100)))
    ready_s = agent.ready_after_s()
    told_s = seconds_until(
        lambda: any(s.decision == "sensor_fault" for s in listener.states("sensor")), 10
    )
    others = seconds_until(lambda: len(listener.windows("live")) > 100, 10) < math.inf
    stopped_s = agent.stopped_after_s()
    return [
        at_most("no sensor: ready after", ready_s, 10.0, " s"),
        at_most("no sensor: told after ready", told_s, 3.0, " s"),
        Check("no sensor: the other source goes on", others, others),
        at_most("no sensor: stopped after", stopped_s, 5.0, " s"),
    ]


def _nothing_and_a_watchdog(world: World) -> list[Check]:
    """Neither broker nor sensor is no reason for systemd to start it again."""
    watchdog_s = 4.0
    tree = world.tree(free_port(), world.stream(free_port()), name="alone")
    unit = Unit(world, tree, watchdog_s)
    seconds_until(lambda: unit.ends, world.size(30, 7))
    unit.stop()
    return [none("nothing there: ended by the watchdog", unit.ends)]
