"""Where brokers come from: Debian releases in folders of their own, PyPI and npm, below `build`.

Nothing is installed in the running system, and no service is started. Each is made once.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.boot.machine import BUILD, bootstrapped

PYPI = ("amqtt==0.12.1", "iotcore==0.4.0")
NPM = ("aedes@1.2.0", "mosca@2.8.3")
NPM_OVERRIDES = {"jsonschema": "1.2.4"}  # mosca, which is no longer kept, fails with later ones
DEBIAN = {  # release: packages
    "bookworm": "rabbitmq-server,activemq,libmqtt-client-java,nats-server,ejabberd",
    "trixie": "rabbitmq-server,mosquitto,nats-server,ejabberd",
}


def debian(release: str) -> Path:
    """The root folder of a Debian of that release, with its brokers."""
    root = bootstrapped(f"brokers-{release}", DEBIAN[release], suite=release)
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    return root


def debian_version(release: str, package: str) -> str:
    """The version of a package there, without what Debian adds to it."""
    line = ["chroot", str(debian(release)), "dpkg-query", "-W", "-f", "${Version}", package]
    version = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    return re.split(r"[+-]", version)[0]


def inside(root: Path, line: str) -> list[str]:
    """A command that runs a shell line in that Debian; all of it ends with the command.

    It shares the network: whoever listens must be told to listen on loopback.
    """
    enter = f"mount -t proc proc {root}/proc; mount --rbind /dev {root}/dev; exec env -i"
    path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp"
    whole = f"{enter} {path} chroot {root} sh -c {shlex.quote(f'exec {line}')}"
    alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    return [*alone, "sh", "-c", whole]


def pypi() -> Path:
    """The folder of programs of an environment with the brokers of PyPI."""
    folder = BUILD / "brokers-pypi"
    if not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *PYPI], check=True)
        (folder / "installed").touch()
    return folder / "bin"


def npm() -> Path:
    """A folder with the brokers of npm; their install scripts do not run."""
    folder = BUILD / "brokers-npm"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"overrides": NPM_OVERRIDES}))
        line = ["npm", "install", "--silent", "--ignore-scripts", *NPM]
        subprocess.run(line, cwd=folder, check=True, env=os.environ | {"CI": "true"})
        (folder / "installed").touch()
    return folder


def pinned(name: str) -> str:
    """The version of a package of PyPI or npm."""
    versions = dict(item.replace("==", "@").split("@") for item in (*PYPI, *NPM))
    return versions[name]
