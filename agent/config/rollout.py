"""The section `rollout` of the configuration, and the public keys that it names."""

import base64
import binascii
import importlib.util
import re
from pathlib import Path
from typing import Annotated

import msgspec

from agent.core import extras
from agent.core.annotated import LongSeconds, Share
from agent.core.errors import ConditionError, ConfigError, UserError

INSTALL = extras.install("rollout")
PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: SubjectPublicKeyInfo of Ed25519
FILTER = r"^(\+|[^+#/\x00]+)(/(\+|[^+#/\x00]+))*$"  # no #: a topic tree is not an announcement


class Rollout(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    keys: tuple[str, ...] = ()  # files of public keys; none: unsigned bundles, by hand only
    shadow_s: LongSeconds = 3600.0  # a candidate is tried beside the present model for so long
    shadow_windows: Annotated[int, msgspec.Meta(ge=1, le=10**9)] = (
        100  # and on at least so many windows
    )
    agreement: Share = 0.9  # of labels with the present model, at least
    hop_share: Share = 0.5  # of a hop, that its windows may take, over all of its sources
    slower: Annotated[float, msgspec.Meta(gt=0, le=1000)] = (
        3.0  # than the present model, where that is more than 10 % of a hop
    )
    probation_s: LongSeconds = 600.0  # after the switch
    starts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = (
        3  # of the process that a candidate may spoil
    )
    max_mib: Annotated[float, msgspec.Meta(gt=0, le=4096)] = 64.0  # of a bundle
    source: str | None = msgspec.field(default=None, name="from")  # of what is announced
    announce: Annotated[str, msgspec.Meta(pattern=FILTER)] | None = None  # of a fleet, besides ours


def check(rollout: Rollout, sink: str) -> None:
    """`ConfigError` for files that hold no public key, and for announcements without keys."""
    for at, file in enumerate(rollout.keys):
        raw_key(Path(file), f"rollout.keys[{at}]")
    if rollout.keys and importlib.util.find_spec("cryptography") is None:
        raise UserError(f"rollout.keys: found no cryptography, expected {INSTALL}")
    if rollout.announce is not None and rollout.source is None:
        raise ConfigError("rollout.announce: found no rollout.from, expected where bundles lie")
    if rollout.source is None:
        return
    if not rollout.keys:
        raise ConfigError("rollout.from: found no rollout.keys, expected at least one")
    if sink != "mqtt":
        raise ConfigError(f"rollout.from: found agent.sink {sink}, expected mqtt")
    if not re.fullmatch(r"https?://[^\s?#@]+|/[^\x00]*", rollout.source):
        found = f"found {rollout.source!r}"
        raise ConfigError(f"rollout.from: {found}, expected https://... or a folder from / on")


def raw_key(file: Path, where: str) -> bytes:
    """The 32 bytes of an Ed25519 public key in PEM, as `openssl pkey -pubout` writes it.

    `ConditionError` for a file that cannot be read, `UserError` for any other content.
    """
    try:
        text = file.read_text(encoding="ascii")
    except OSError as error:
        raise ConditionError(f"{where}: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if "PRIVATE KEY" in text:
        raise UserError(f"{where}: found a private key in {file}, expected its public one")
    pem = re.search(r"-----BEGIN PUBLIC KEY-----\s(.+?)-----END PUBLIC KEY-----", text, re.DOTALL)
    try:
        der = base64.b64decode("".join(pem[1].split()), validate=True) if pem else b""
    except binascii.Error:
        der = b""
    if len(der) != len(PREFIX) + 32 or not der.startswith(PREFIX):
        raise UserError(f"{where}: found no Ed25519 public key in {file}, expected one in PEM")
    return der[len(PREFIX) :]
