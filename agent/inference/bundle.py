"""A bundle is one file: a format line, the manifest, its signature, the parts.

    drsn-bundle/1
    {"schema": "drsn-bundle/1", "name": ..., "parts": [{"name": "model.onnx", ...}, ...]}
    the Ed25519 signature of both lines before it in base64, or the word unsigned
    the bytes of each part, one behind the other, and nothing behind the last

It is no archive: nothing is compressed, named by a path or listed twice. The signature covers the
manifest, which has the digest of every part.
"""

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from agent.core import json_input, model_contract
from agent.core.annotated import Count, Sha256
from agent.core.errors import ConditionError, UserError
from agent.core.model_contract import Contract
from agent.core.time import iso
from agent.inference import onnx_check, signing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SCHEMA = "drsn-bundle/1"
HEAD = f"{SCHEMA}\n".encode()
UNSIGNED = b"unsigned"
MODEL, CARD = "model.onnx", "card.md"
MAX_MANIFEST = 1 << 16  # bytes
MAX_CARD = 1 << 20
NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
VERSION = r"\d{1,9}(\.\d{1,9}){0,3}"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    size: Count
    sha256: Sha256


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    schema: str
    name: Annotated[str, msgspec.Meta(pattern=f"^{NAME}$")]
    version: Annotated[str, msgspec.Meta(pattern=f"^{VERSION}$")]
    made: str
    figures: dict[str, float]
    parts: tuple[Part, ...]


class Bundle(msgspec.Struct, frozen=True):
    """A bundle that has passed every check."""

    manifest: Manifest
    parts: dict[str, bytes]
    contract: Contract
    signed: bool  # by a key that is trusted here
    sha256: str  # of the file

    @property
    def model(self) -> bytes:
        return self.parts[MODEL]


def pack(model: Path, card: Path | None, key: "Ed25519PrivateKey | None") -> tuple[Manifest, bytes]:
    """A bundle of that model; `UserError`."""
    parts = {MODEL: _read(model)} | ({} if card is None else {CARD: _read(card)})
    contract = model_contract.parse(onnx_check.metadata(parts[MODEL], str(model)), str(model))
    if not re.fullmatch(NAME, name := contract.name):
        raise UserError(f"{model}: name: found {name!r}, expected letters, digits, - and _")
    if not re.fullmatch(VERSION, version := contract.version):
        raise UserError(f"{model}: version: found {version!r}, expected numbers with dots")
    manifest = Manifest(
        schema=SCHEMA,
        name=name,
        version=version,
        made=iso(time.time()),
        figures=contract.figures,
        parts=tuple(_part(name, data) for name, data in parts.items()),
    )
    signed = HEAD + msgspec.json.encode(manifest) + b"\n"
    signature = UNSIGNED if key is None else base64.b64encode(key.sign(signed))
    return manifest, signed + signature + b"\n" + b"".join(parts.values())


def unpack(data: bytes, keys: Sequence[bytes], where: str) -> Bundle:
    """The bundle in `data`, after every check that needs no runtime; `UserError`.

    Where there are `keys`, one of them must have signed it; without keys an unsigned one will do.
    """
    try:
        manifest_at = len(HEAD)
        signature_at = data.index(b"\n", manifest_at, manifest_at + MAX_MANIFEST) + 1
        parts_at = data.index(b"\n", signature_at, signature_at + 128) + 1
    except ValueError:
        raise UserError(f"{where}: found no bundle, expected one of `drsn-agent bundle`") from None
    if not data.startswith(HEAD):
        raise UserError(f"{where}: found no bundle, expected one of `drsn-agent bundle`")
    signature = data[signature_at : parts_at - 1]
    signed = _signed(signature, data[:signature_at], keys, where)
    try:
        manifest = json_input.decode(data[manifest_at : signature_at - 1], Manifest)
    except json_input.JsonError as error:
        raise UserError(f"{where}: manifest: {error}") from None
    parts = _parts(manifest, memoryview(data)[parts_at:], where)
    contract = model_contract.parse(onnx_check.metadata(parts[MODEL], where), where)
    expected, found = (manifest.name, manifest.version), (contract.name, contract.version)
    if found != expected:
        raise UserError(f"{where}: found the model {found}, expected {expected} as in its manifest")
    return Bundle(manifest, parts, contract, signed, hashlib.sha256(data).hexdigest())


def _signed(signature: bytes, signed: bytes, keys: Sequence[bytes], where: str) -> bool:
    """Whether a trusted key has signed it; `UserError` where one should have and has not."""
    if signature == UNSIGNED:
        if keys:
            raise UserError(f"{where}: found no signature, expected one by a key of rollout.keys")
        return False
    try:
        raw = base64.b64decode(signature, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 64 or base64.b64encode(raw) != signature:
        raise UserError(f"{where}: found a signature that is none, expected 64 bytes in base64")
    if not keys:
        return False
    if not signing.verified(raw, signed, keys):
        raise UserError(f"{where}: found a signature by no key of rollout.keys, or other content")
    return True


def _parts(manifest: Manifest, data: memoryview, where: str) -> dict[str, bytes]:
    names = [part.name for part in manifest.parts]
    if manifest.schema != SCHEMA or names not in ([MODEL], [MODEL, CARD]):
        raise UserError(f"{where}: parts: found {names}, expected {MODEL} and at most {CARD}")
    if sum(part.size for part in manifest.parts) != len(data):
        raise UserError(
            f"{where}: found {len(data)} bytes of parts, expected what the manifest says"
        )
    parts, at = {}, 0
    for part in manifest.parts:
        parts[part.name] = bytes(data[at : at + part.size])
        at += part.size
        if hashlib.sha256(parts[part.name]).hexdigest() != part.sha256:
            raise UserError(f"{where}: {part.name}: found another content than the manifest says")
    if len(parts.get(CARD, b"")) > MAX_CARD:
        raise UserError(f"{where}: {CARD}: found more than {MAX_CARD} bytes")
    return parts


def older(version: str, than: str) -> bool:
    """Whether `version` is not newer than `than`; what is no version is always older."""
    if not (re.fullmatch(VERSION, version) and re.fullmatch(VERSION, than)):
        return True
    one, other = ([int(n) for n in text.split(".")] for text in (version, than))
    width = max(len(one), len(other))
    return one + [0] * (width - len(one)) <= other + [0] * (width - len(other))


def _part(name: str, data: bytes) -> Part:
    return Part(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConditionError(f"{file}: cannot be read: {error.strerror}") from None
