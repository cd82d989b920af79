"""What the package and its unit promise, step by step, on one machine."""

import re

from .box import (
    BROKER,
    CONFIG,
    LISTENER,
    UNIT,
    Check,
    gapless,
    more_windows,
    prop,
    received,
    statuses,
    waiting,
)
from .machine import Machine

WATCHDOG_S = 20.0  # of the unit
BACK_S = 10.0  # after what it waited for has come
HOP = 1000  # frames: 0.1 s at 10 kHz


def install(box: Machine) -> list[Check]:
    """Installed, enabled, and not started without a configuration."""
    said = box.show("dpkg -i drsn-agent.deb")
    enabled, active = (
        box.show(f"systemctl is-enabled {UNIT}"),
        box.show(f"systemctl is-active {UNIT}"),
    )
    box.show("id drsn-agent; ls -ld /var/lib/drsn-agent /etc/drsn-agent/*")
    return [
        Check("why it is not started", "one line", "sources: found none, expected" in said),
        Check("enabled", enabled, enabled == "enabled"),
        Check("active", active, active == "inactive"),
    ]


def ready(box: Machine) -> list[Check]:
    """Configured and ready."""
    broker = box.root / "etc" / "mosquitto"
    (broker / "conf.d" / "agent.conf").write_text(BROKER)
    box.ask("mosquitto_passwd -b -c /etc/mosquitto/passwords press-04 only-root-knows")
    box.ask("mosquitto_passwd -b /etc/mosquitto/passwords ear heard")
    box.ask("chmod 644 /etc/mosquitto/passwords; systemctl restart mosquitto")
    (box.root / "etc/systemd/system/listener.service").write_text(LISTENER)
    box.ask("systemctl daemon-reload; systemctl start listener")
    (box.root / "etc/drsn-agent/config.yaml").write_text(CONFIG)
    box.show("umask 077; echo only-root-knows > /etc/drsn-agent/secrets/mqtt-password")
    box.show("cat /etc/drsn-agent/config.yaml")
    box.show("drsn-agent check --config /etc/drsn-agent/config.yaml")
    box.show(f"systemctl start {UNIT}")
    states = box.show(f"systemctl show -p ActiveState,SubState,Type,WatchdogUSec,NRestarts {UNIT}")
    took_s = more_windows(box)
    box.show(f"journalctl -q -o cat -u {UNIT} | tail -4")
    facts = "Uid|CapEff|NoNewPrivs|Seccomp:"
    shown = box.show(f"grep -E '{facts}' /proc/$(systemctl show -P MainPID {UNIT})/status")
    return [
        Check("state", "active, running", "ActiveState=active\nSubState=running" in states),
        Check("heard over MQTT with the secret's password", f"{took_s:.1f} s", True),
        Check("capabilities", "none", "CapEff:\t0000000000000000" in shown),
        Check("system calls filtered", "yes", "Seccomp:\t2" in shown),
    ]


def killed(box: Machine) -> list[Check]:
    """Killed, and started again."""
    before = prop(box, "MainPID")
    box.show(f"systemctl kill -s KILL {UNIT}")
    took_s = box.until(lambda: prop(box, "MainPID") not in ("0", before), 120)
    took_s += more_windows(box)
    restarts = box.show(f"systemctl show -p NRestarts,ActiveState {UNIT}")
    said = ", ".join(statuses(box)[-2:])
    return [
        Check("restarts", "1", "NRestarts=1" in restarts),
        Check("windows again after", f"{took_s:.1f} s", took_s < 10),
        Check("last will, then birth", said, said == "offline, online"),
    ]


def hung(box: Machine) -> list[Check]:
    """Hung, and killed by the watchdog."""
    before = prop(box, "MainPID")
    box.show(f"systemctl kill -s STOP {UNIT}")
    took_s = box.until(lambda: prop(box, "MainPID") not in ("0", before), 120)
    more_windows(box)
    log = box.show(f"journalctl -q -o cat -u {UNIT} | grep -i watchdog")
    restarts = box.show(f"systemctl show -p NRestarts,ActiveState {UNIT}")
    return [
        Check("systemd's word", "Watchdog timeout", "Watchdog timeout" in log),
        Check("another process after", f"{took_s:.1f} s", took_s < WATCHDOG_S + 10),
        Check("restarts", "2", "NRestarts=2" in restarts),
    ]


def reloaded(box: Machine) -> list[Check]:
    """Reloaded: a source comes, a wrong file changes nothing."""
    file, before = box.root / "etc/drsn-agent/config.yaml", prop(box, "MainPID")
    second = CONFIG + CONFIG.splitlines()[-1].replace("bearing-de", "bearing-nde") + "\n"
    file.write_text(second)
    box.show(f"tail -2 /etc/drsn-agent/config.yaml; systemctl reload {UNIT}")
    box.until(lambda: any("/bearing-nde/window" in topic for topic, _ in received(box)), 120)
    file.write_text(second + "what: is this\n")
    box.show(f"tail -1 /etc/drsn-agent/config.yaml; systemctl reload {UNIT}")
    box.until(lambda: "reload refused" in box.ask(f"journalctl -q -o cat -u {UNIT}"), 120)
    said = box.show(f"journalctl -q -o cat -u {UNIT} | grep reload")
    file.write_text(CONFIG)
    box.show(f"systemctl reload {UNIT}; systemctl show -p ActiveState,NRestarts {UNIT}")
    firsts = [r["first_sample"] for t, r in received(box) if t.endswith("bearing-de/window")]
    run = firsts[len(firsts) - firsts[::-1].index(0) - 1 :]
    return [
        Check("same process", before, before == prop(box, "MainPID")),
        Check("comes", "bearing-nde", "kept bearing-de; removed none; added bearing-nde" in said),
        Check("windows of the source that stays, none left out", len(run), gapless(run, HOP)),
    ]


def stopped(box: Machine) -> list[Check]:
    """Stopped in good order."""
    box.show(f"systemctl stop {UNIT}")
    result = box.show(f"systemctl show -p ActiveState,Result,ExecMainStatus {UNIT}")
    box.show(f"journalctl -q -o cat -u {UNIT} | tail -4")
    last = statuses(box)[-1]
    return [
        Check("exit code", "0", "ExecMainStatus=0" in result and "Result=success" in result),
        Check("last status over MQTT", last, last == "offline"),
        Check("left in the outbox", waiting(box), waiting(box) == 0),
    ]


def upgraded(box: Machine) -> list[Check]:
    """Upgraded while the outbox is full and the broker away."""
    box.ask("systemctl stop mosquitto")
    box.show(f"systemctl start {UNIT}; systemctl is-active mosquitto {UNIT}")
    box.until(lambda: waiting(box) > 30, 120)
    before, left = prop(box, "MainPID"), waiting(box)
    box.show("dpkg -i drsn-agent-next.deb")
    box.show("dpkg-query -W drsn-agent; cat /etc/drsn-agent/config.yaml | head -3")
    after, kept = prop(box, "MainPID"), waiting(box)
    config = (box.root / "etc/drsn-agent/config.yaml").read_text()
    box.ask("systemctl start mosquitto")
    box.until(lambda: waiting(box) < 5, 120)
    more_windows(box)
    seqs = sorted({int(str(r["seq"])) for _, r in received(box) if "seq" in r})
    last, missing = seqs[-1], seqs[-1] - len(seqs)
    epochs = {r["epoch"] for _, r in received(box) if "seq" in r}
    return [
        Check("waiting before", left, left > 30),
        Check("waiting after", kept, kept >= left),
        Check("another process", f"{before} -> {after}", after not in ("0", before)),
        Check("configuration as it was", "yes", config == CONFIG),
        Check("sequence numbers the subscriber misses", f"{missing} of {last}", not missing),
        Check("outboxes since the first start", len(epochs), len(epochs) == 1),
    ]


def rebooted(box: Machine) -> list[Check]:
    """Booted while its password and its broker are not there yet."""
    secret = "/etc/drsn-agent/secrets/mqtt-password"
    box.ask(f"systemctl disable --now mosquitto; systemctl enable listener; mv {secret} /root/away")
    box.reboot()
    box.show(f"systemctl is-active {UNIT}")
    box.until(lambda: int(prop(box, "NRestarts")) >= 2, 60)
    box.show(f"mv /root/away {secret}")
    ready_s = box.until(lambda: prop(box, "SubState") == "running", 60)
    box.show("systemctl enable --now mosquitto 2>/dev/null")
    heard_s = more_windows(box)
    return [
        Check("running after its password came", f"{ready_s:.1f} s", ready_s <= BACK_S),
        Check("windows after its broker came", f"{heard_s:.1f} s", heard_s <= BACK_S),
    ]


def wrong(box: Machine) -> list[Check]:
    """A configuration that is wrong: one line, and no restart after restart."""
    file = box.root / "etc/drsn-agent/config.yaml"
    file.write_text(CONFIG.replace("model: bearing", "model: bearings"))
    began = box.ask("date +@%s")
    box.show(f"systemctl restart {UNIT}; sleep 3")
    result = box.show(f"systemctl show -p ActiveState,Result,ExecMainStatus,NRestarts {UNIT}")
    said = box.show(f"journalctl -q -o cat -u {UNIT} --since {began} | grep '^drsn-agent: '")
    file.write_text(CONFIG)
    return [
        Check("exit code", "78", "ExecMainStatus=78" in result),
        Check("restarts", "none", "NRestarts=0" in result),
        Check("what it says", "one line", said.count("\n") == 0 and "did you mean bearing" in said),
    ]


def purged(box: Machine) -> list[Check]:
    """Removed, then purged."""
    box.show(f"systemctl start {UNIT}; dpkg -r drsn-agent")
    left = box.show("ls -d /var/lib/drsn-agent/* /etc/drsn-agent/* /opt/drsn-agent 2>&1")
    box.show("dpkg -P drsn-agent")
    gone = box.show(
        "find / -xdev -name '*drsn-agent*' -not -path '/root/*' -not -path '/var/log/*'"
    )
    user = box.show("id drsn-agent")
    kept = ("outbox.sqlite", "config.yaml", "secrets")
    return [
        Check("kept when removed", "outbox, configuration", all(each in left for each in kept)),
        Check("files left when purged", gone or "none", not gone),
        Check("user left when purged", "no", re.search("no such user", user) is not None),
    ]
