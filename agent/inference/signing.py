"""Ed25519 signatures (RFC 8032). The optional library `cryptography` is loaded only when needed."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.rollout import INSTALL
from agent.core.errors import ConditionError, UserError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def _require_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise UserError(f"signatures: found no cryptography, expected {INSTALL}") from None


def make(private: Path) -> Path:
    """Makes a key pair; the public key's file. Only the owner can read the private one."""
    _require_cryptography()
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    pem = form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    public = private.with_suffix(".pub.pem")
    _write(private, secret, 0o600)
    _write(public, key.public_key().public_bytes(*pem), 0o644)
    return public


def _write(file: Path, data: bytes, mode: int) -> None:
    try:
        out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise UserError(f"{file}: cannot be made: {error.strerror}") from None
    with os.fdopen(out, "wb") as opened:
        opened.write(data)


def private_key(file: Path) -> "Ed25519PrivateKey":
    """The key in that PEM file; `UserError`."""
    _require_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        data, mode = file.read_bytes(), stat.S_IMODE(file.stat().st_mode)
        key = load_pem_private_key(data, None)
    except OSError as error:
        raise ConditionError(f"{file}: cannot be read: {error.strerror}") from None
    except TypeError:
        raise UserError(f"{file}: found an encrypted key, expected one without") from None
    except Exception:  # noqa: BLE001 - its exceptions have no common base
        raise UserError(f"{file}: found no private key, expected Ed25519 in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{file}: found another kind of key, expected Ed25519")
    if mode & 0o077:
        raise UserError(f"{file}: others may use it (mode {mode:04o}), expected chmod 0600 {file}")
    return key


def verified(signature: bytes, signed: bytes, keys: Iterable[bytes]) -> bool:
    """Whether one of these public keys verifies the signature."""
    _require_cryptography()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for key in keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False
