"""`doctor`: are the files that a configuration names readable to the service, and to nobody else?

Run by root, it looks as the service's user does: root can read everything, the service cannot.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from agent.config.load import Config
from agent.core import credentials, state_directory
from agent.jobs.finding import Finding

USER = "drsn-agent"  # of the service
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # by the unit: ProtectHome, PrivateTmp
SECRET_KEYS = ("password_file", "key_file", "token_file")


def examine(config: Config) -> Iterator[Finding]:
    """A finding for each file of a key; of a model or a recording, only what is wrong."""
    named = list(credentials.files(config))
    for source in config.sources:
        named += credentials.files(source.options, source.path)
    for key, file in named:
        yield _examine(key, file)
    for source in config.sources:
        texts = {"model": source.common.model, "path": getattr(source.options, "path", None)}
        for key, text in texts.items():
            if text and "/" in text and (trouble := _trouble(text)):
                yield Finding(f"{source.path}.{key}", "wrong", trouble)


def _examine(key: str, file: str) -> Finding:
    mode = stat.S_IMODE(Path(file).stat().st_mode)
    if key.endswith(SECRET_KEYS) and mode & 0o007:
        return Finding(key, "wrong", f"everybody can read or write {file}: chmod 0600 {file}")
    trouble = _trouble(file)
    if trouble is not None:
        return Finding(key, "wrong", trouble)
    return Finding(key, "ok", f"{file}, mode {mode:04o}")


def _trouble(file: str) -> str | None:
    """Why the service cannot read that file; None: it can, or nobody knows its user here."""
    path = Path(file).absolute()
    if not path.exists():  # whoever needs it says so
        return None
    if os.geteuid() != 0 or path.parent == credentials.SECRETS:  # systemd hands these over
        return None
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        return None
    advice = f"put it into {credentials.SECRETS}, or where {USER} can read it"
    if any(path.is_relative_to(folder) for folder in HIDDEN):
        return f"{file} is hidden from the service (ProtectHome, PrivateTmp): {advice}"
    with state_directory.acting_as(user.pw_uid, user.pw_gid):
        readable = os.access(file, os.R_OK, effective_ids=True)
    return None if readable else f"the service's user cannot read {file}: {advice}"
