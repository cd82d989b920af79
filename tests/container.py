"""`python -m tests.container`: deploy/Dockerfile built, and its agent heard, as compose runs it.

As root, with buildah, podman and debootstrap. No image is pulled: a fresh Debian with its own
Python stands for the Dockerfile's base. Not root, read-only, no capabilities, one volume.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.boot.machine import bootstrapped
from tests.conftest import Broker
from tests.support.paths import PROJECT

DEPLOY = PROJECT / "deploy"
BASE, IMAGE, VOLUME = "localhost/debian-python", "localhost/drsn-agent", "drsn-agent-test"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
AS_COMPOSE_DOES = (
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    f"--volume={DEPLOY / 'compose' / 'agent.yaml'}:/etc/drsn-agent/config.yaml:ro",
    f"--volume={VOLUME}:/var/lib/drsn-agent",
)
HERE = (  # not what a user has: this machine's network, and no more than it may give
    "--network=host",
    "--add-host=mosquitto:127.0.0.1",
    "--cgroups=disabled",
    "--ulimit=nofile=4096:4096",
    "--ulimit=nproc=4096:4096",
)
WINDOWS_S = 90


def main() -> int:
    if "ALONE" not in os.environ:  # what is mounted for this is nobody else's
        alone = ["unshare", "--mount", "--propagation", "private"]
        again = [*alone, sys.executable, "-m", __spec__.name]
        return subprocess.run(again, env={**os.environ, "ALONE": "1"}).returncode
    _one_hierarchy()
    base()
    build = ["buildah", "bud", "--quiet", "--isolation=chroot", f"--build-arg=BASE={BASE}"]
    run([*build, "-f", str(DEPLOY / "Dockerfile"), "-t", IMAGE, str(PROJECT)])
    described = json.loads(run(["podman", "image", "inspect", IMAGE]))[0]
    print(f"built: {described['Size'] / 1e6:.0f} MB with its base, user {described['User']}")
    with tempfile.TemporaryDirectory() as folder:
        return 0 if fault_published(Broker(Path(folder), port=1883).start()) else 1


def _one_hierarchy() -> None:
    """Where both generations of cgroups are mounted, crun wants the second alone."""
    groups = Path("/sys/fs/cgroup")
    if not (groups / "cgroup.controllers").exists():
        run(["umount", "--lazy", "--recursive", str(groups)])
        run(["mount", "-t", "cgroup2", "none", str(groups)])


def base() -> None:
    """A Debian with `python` and the certificates that this machine trusts, as an image."""
    root = bootstrapped("boot-python", "python3,python3-venv,ca-certificates")
    python, trusted = root / "usr" / "bin" / "python", root / str(CERTIFICATES)[1:]
    python.unlink(missing_ok=True)
    python.symlink_to("python3")
    trusted.write_bytes(CERTIFICATES.read_bytes())
    with tempfile.NamedTemporaryFile(suffix=".tar") as packed:
        run(["tar", "-C", str(root), "-cf", packed.name, "."])
        run(["podman", "import", "--quiet", packed.name, BASE])


def fault_published(broker: Broker) -> bool:
    """Whether the fault of the simulated machine is published and the agent stops well."""
    listen = ["mosquitto_sub", "-t", "drsn/compose/simulated/state", "-W", str(WINDOWS_S)]
    with agent() as container:
        ear = subprocess.Popen(listen, stdout=subprocess.PIPE, text=True)
        assert ear.stdout is not None
        said = (json.loads(line)["label"] for line in ear.stdout)
        fault = next((label for label in said if label not in (None, "normal")), None)
        ear.kill()
        user = run(["podman", "exec", container, "id", "-u"]).strip()
        wrote = subprocess.run(["podman", "exec", container, "touch", "/x"], capture_output=True)
        run(["podman", "stop", "--time=10", container])
        code = run(["podman", "inspect", "--format={{.State.ExitCode}}", container]).strip()
    broker.stop()
    print(f"heard: {fault}; user id {user}; root file system writable: {wrote.returncode == 0}")
    print(f"stopped with {code}")
    return fault is not None and user == "10001" and wrote.returncode != 0 and code == "0"


@contextlib.contextmanager
def agent() -> Iterator[str]:
    container = run(["podman", "run", "--detach", *AS_COMPOSE_DOES, *HERE, IMAGE]).strip()
    try:
        yield container
    finally:
        run(["podman", "rm", "--force", "--volumes", container])
        run(["podman", "volume", "rm", "--force", VOLUME])


def run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
