"""Conditions that may pass on a box: how each comes, is told and ends."""

from dataclasses import dataclass, field
from typing import Any

from .box import UNIT

Tree = dict[str, Any]

CONDITION = 75  # exit code
CREDENTIALS = 243  # systemd's own, where it cannot hand over the secrets
STATE, ETC, SECRETS = "/var/lib/drsn-agent", "/etc/drsn-agent", "/etc/drsn-agent/secrets"
OWNER = "uid=$(id -u drsn-agent),gid=$(id -g drsn-agent)"
TOKEN = "0123456789abcdef"
ELSEWHERE = "/srv/state"
DROP_IN = f"/run/systemd/system/{UNIT}.d"
HOLD = "systemd-run -q --collect --unit=holder --service-type=notify python3 /root/holder.py"
FEED = "systemd-run -q --collect --unit=feeder python3 /root/feeder.py"
LET_GO, UNPLUG = "systemctl stop holder", "systemctl stop feeder"


@dataclass(frozen=True)
class Condition:
    """Shell lines that bring it about, end it and tidy up; `named`: what the journal says of it.

    `code`: how the agent ends meanwhile; None: it runs and waits.
    """

    words: str
    begin: str
    end: str
    named: str  # regular expression
    after: str = "true"
    code: int | None = CONDITION
    sections: Tree = field(default_factory=dict)
    source: Tree = field(default_factory=dict)


def _absent(
    words: str, file: str, named: str, code: int = CONDITION, **sections: Tree
) -> Condition:
    """A file that is not there, and then is."""
    begin, end = f"mv {file} /root/away", f"mv /root/away {file}"
    return Condition(f"{words} not there yet", begin, end, named, code=code, sections=sections)


REFUSED = (
    Condition(
        "state directory read-only",
        f"mount -t tmpfs -o mode=0750,{OWNER} none {STATE} && mount -o remount,ro {STATE}",
        f"mount -o remount,rw {STATE}",
        "Read-only file system",
        f"umount {STATE}",
    ),
    Condition(
        "state directory not permitted: another one, of root",
        f"mkdir -m 0700 {ELSEWHERE}; mkdir -p {DROP_IN}; "
        f"printf '[Service]\\nReadWritePaths={ELSEWHERE}\\n' >{DROP_IN}/state.conf; "
        "systemctl daemon-reload",
        f"chown drsn-agent: {ELSEWHERE}",
        "Permission denied",
        f"rm -r {ELSEWHERE} {DROP_IN}; systemctl daemon-reload",
        sections={"agent": {"state_dir": ELSEWHERE}},
    ),
    Condition(
        "a file in it not permitted: root's outbox",
        f"chown root: {STATE}/outbox.sqlite*",
        f"chown drsn-agent: {STATE}/outbox.sqlite*",
        "outbox",
    ),
    Condition(
        "state directory in use by another process",
        f"{HOLD} lock {STATE}/lock",
        LET_GO,
        "is in use by another agent",
    ),
    Condition(
        "page's port held",
        f"{HOLD} tcp 8080",
        LET_GO,
        "port 8080 is not available: Address already in use",
        sections={"page": {"port": 8080}},
    ),
    Condition(
        "metrics' port held",
        f"{HOLD} tcp 9464",
        LET_GO,
        "metrics.port: 9464: Address already in use",
        sections={"metrics": {"port": 9464}},
    ),
    Condition(
        "page's address not there yet",
        f"echo {TOKEN} >{SECRETS}/token",
        "ip address add 10.9.8.7/32 dev lo",
        "Cannot assign requested address",
        f"ip address del 10.9.8.7/32 dev lo; rm {SECRETS}/token",
        sections={"page": {"address": "10.9.8.7", "port": 8080, "token_file": f"{SECRETS}/token"}},
    ),
)

ABSENT = (
    _absent("a configuration file", f"{ETC}/config.yaml", "config.yaml: cannot be read: No such"),
    Condition(
        "a configuration file not permitted",
        f"chmod 0600 {ETC}/config.yaml",
        f"chmod 0644 {ETC}/config.yaml",
        "config.yaml: cannot be read: Permission denied",
    ),
    _absent("a secret file", f"{SECRETS}/mqtt-password", "mqtt.password_file: found no file"),
    _absent("the secrets' folder", SECRETS, "credentials", code=CREDENTIALS),
    Condition(
        "a token file not there yet",
        "true",
        f"echo {TOKEN} >{SECRETS}/token",
        "page.token_file",
        f"rm {SECRETS}/token",
        sections={"page": {"port": 8080, "token_file": f"{SECRETS}/token"}},
    ),
    _absent(
        "a certificate",
        f"{ETC}/ca.pem",
        "mqtt.tls.ca_file",
        mqtt={"port": 8883, "tls": {"ca_file": f"{ETC}/ca.pem"}},
    ),
    Condition(
        "a model file not there yet",
        "true",
        "cp $(find /opt/drsn-agent -name bearing.onnx) /srv/bearing.onnx",
        "bearing.onnx: found no such file",
        "rm /srv/bearing.onnx",
        source={"model": "/srv/bearing.onnx"},
    ),
    Condition(
        "a recording not there yet",
        "mv /srv/recording.wav /root/away",
        "mv /root/away /srv/recording.wav",
        "found no such recording",
        source={"kind": "file", "path": "/srv/recording.wav"},
    ),
)

WAITED_FOR = (
    Condition(
        "disk full (ENOSPC)",
        f"mount -t tmpfs -o size=8m,mode=0750,{OWNER} none {STATE}; "
        f"dd if=/dev/zero of={STATE}/filler bs=4k 2>/dev/null",
        f"rm {STATE}/filler",
        "full",
        f"umount {STATE}",
    ),
    Condition(
        "a sensor's UDP port held",
        f"{HOLD} udp 5005",
        f"{LET_GO}; {FEED} udp 5005",
        "Address already in use",
        UNPLUG,
        code=None,
        source={"kind": "udp", "listen": "127.0.0.1:5005", "rate_hz": 10000},
    ),
    Condition(
        "a device (`/dev/ttyUSB0`) not there yet",
        "true",
        f"{FEED} serial /dev/ttyUSB0",
        "/dev/ttyUSB0: cannot be opened",
        f"{UNPLUG}; rm /dev/ttyUSB0",
        code=None,
        source={"kind": "serial", "port": "/dev/ttyUSB0", "rate_hz": 10000, "scale": 1e-4},
    ),
    Condition(
        "a FIFO not there yet",
        "true",
        f"{FEED} fifo /run/sensor",
        "/run/sensor: cannot be opened",
        f"{UNPLUG}; rm /run/sensor",
        code=None,
        source={"kind": "stream", "url": "/run/sensor", "rate_hz": 10000},
    ),
    Condition(
        "the broker's name not known yet",
        "true",
        "echo 127.0.0.1 broker.test >>/etc/hosts",
        "broker.test",
        "sed -i /broker.test/d /etc/hosts",
        code=None,
        sections={"mqtt": {"host": "broker.test"}},
    ),
    Condition(
        "the broker down",
        "systemctl stop mosquitto",
        "systemctl start mosquitto",
        "unreachable",
        code=None,
    ),
)
CONDITIONS = (*REFUSED, *ABSENT, *WAITED_FOR)
