"""A bundle is taken as it was signed or not at all, and before any runtime has seen it."""

import contextlib
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import numpy_helper

from agent.config import rollout as keys
from agent.core.errors import UserError
from agent.inference import bundle, onnx_check, signing
from agent.inference.bundle import Bundle, older, pack, unpack
from agent.messages import announcement
from tests.support import bundles, tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="module")
def public(folder: Path) -> bytes:
    return keys.raw_key(bundles.key(folder).with_suffix(".pub.pem"), "key")


@pytest.fixture(scope="module")
def signed(folder: Path, public: bytes) -> bytes:
    card = folder / "card.md"
    card.write_text("# tiny\n")
    return pack(bundles.model(folder, "1.2"), card, signing.private_key(bundles.key(folder)))[1]


def refused(data: bytes, trusted: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(UserError, match=why) as told:
        unpack(data, trusted, "x.drsn")
    assert "\n" not in str(told.value)


def test_a_bundle_gives_back_what_went_in(signed: bytes, public: bytes, folder: Path) -> None:
    found = unpack(signed, [public], "x.drsn")
    assert isinstance(found, Bundle)
    assert found.signed
    assert (found.manifest.name, found.manifest.version) == ("tiny", "1.2")
    assert found.parts == {
        "model.onnx": (folder / "tiny-1.2.onnx").read_bytes(),
        "card.md": b"# tiny\n",
    }


def test_one_byte_changed_taken_away_or_added_anywhere_is_refused(
    signed: bytes, public: bytes
) -> None:
    chance = random.Random(0)
    head = signed.index(b"\n", signed.index(b"\n", len(bundle.HEAD)) + 1) + 1
    places = [*range(head), *(chance.randrange(head, len(signed)) for _ in range(300))]
    for at in [*places, len(signed) - 1]:
        flipped = bytes([signed[at] ^ 1 << chance.randrange(8)])
        refused(signed[:at] + flipped + signed[at + 1 :], (public,), "found|manifest")
    for at in chance.sample(places, 50):
        refused(signed[:at] + signed[at + 1 :], (public,), "found|manifest")
        refused(signed[:at] + b"\n" + signed[at:], (public,), "found|manifest")
        refused(signed[:at], (public,), "found|manifest")


def test_with_a_key_nothing_is_taken_that_is_unsigned_or_signed_by_another(
    signed: bytes, folder: Path, tmp_path: Path
) -> None:
    other = keys.raw_key(bundles.key(tmp_path).with_suffix(".pub.pem"), "key")
    refused(signed, (other,), "by no key of rollout.keys")
    plain = pack(folder / "tiny-1.2.onnx", None, None)[1]
    refused(plain, (other,), "found no signature")
    assert not unpack(plain, [], "x.drsn").signed


def forged(signed: bytes, key: Path, **changes: Any) -> bytes:
    """With another manifest, which is signed as it should be."""
    import base64

    lines = signed.split(b"\n", 3)
    manifest = json.loads(lines[1]) | changes
    head = bundle.HEAD + json.dumps(manifest).encode() + b"\n"
    signature = base64.b64encode(signing.private_key(key).sign(head))
    return head + signature + b"\n" + lines[3]


PART = {"size": 7, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parts": [{"name": "../model.onnx"} | PART]}, "parts: found"),
        ({"parts": [{"name": "/etc/passwd"} | PART]}, "parts: found"),
        ({"parts": [{"name": "model.onnx"} | PART, {"name": "model.onnx"} | PART]}, "parts: found"),
        ({"parts": [{"name": "model.onnx"} | PART, {"name": "run.sh"} | PART]}, "parts: found"),
        ({"parts": []}, "parts: found"),
        (
            {"parts": [{"name": "model.onnx", "size": 1 << 60, "sha256": "0" * 64}]},
            "bytes of parts",
        ),
        ({"parts": [{"name": "model.onnx", "size": -1, "sha256": "0" * 64}]}, "manifest"),
        ({"name": "../x"}, "manifest"),
        ({"name": "other"}, "found the model"),
        ({"version": "9"}, "found the model"),
        ({"version": "1.2-rc"}, "manifest"),
        ({"link": "/etc"}, "manifest"),
        ({"schema": "drsn-bundle/2"}, "parts: found"),
    ],
    ids=str,
)
def test_a_manifest_that_says_what_it_may_not_is_refused_whoever_signed_it(
    signed: bytes, public: bytes, folder: Path, changes: dict[str, Any], why: str
) -> None:
    refused(forged(signed, bundles.key(folder), **changes), (public,), why)


def external(place: str) -> bytes:
    """The tiny model with one tensor whose data lie in another file."""
    made = onnx.load_from_string(tiny.build())
    tensor = numpy_helper.from_array(__import__("numpy").zeros(3, "float32"), "outside")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    if place == "initializer":
        made.graph.initializer.append(tensor)
    elif place == "attribute":
        node = onnx.helper.make_node("Constant", [], ["c"])
        node.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(tensor)
        made.graph.node.append(node)
    elif place == "subgraph":
        inner = onnx.helper.make_graph([], "inner", [], [], [tensor])
        made.graph.node.append(onnx.helper.make_node("If", ["x"], ["y"], then_branch=inner))
    elif place == "sparse":
        made.graph.sparse_initializer.add().values.CopyFrom(tensor)
    else:
        node = onnx.helper.make_node("Constant", [], ["c"])
        node.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(tensor)
        made.functions.add(name="f", domain="d").node.append(node)
    data: bytes = made.SerializeToString()
    return data


@pytest.mark.parametrize("place", ["initializer", "attribute", "subgraph", "sparse", "function"])
def test_a_model_whose_data_lie_elsewhere_is_refused_wherever_it_says_so(place: str) -> None:
    with pytest.raises(UserError, match="data lie in another file"):
        onnx_check.metadata(external(place), "x.onnx")


def test_every_way_to_a_tensor_that_onnx_has_is_looked_along() -> None:
    """Against the descriptors of the `onnx` package, which boxes need not have."""
    ours = {"Training": "TrainingInfo", "Sparse": "SparseTensor"}
    named = {ours.get(each, each) + "Proto": each for each in [*onnx_check.REACH, "Tensor"]}
    seen, todo = set(), [onnx.ModelProto.DESCRIPTOR]
    reaches: dict[str, dict[int, str]] = {}
    while todo:
        message = todo.pop()
        if message.name in seen:
            continue
        seen.add(message.name)
        inner = {f.number: f.message_type for f in message.fields if f.message_type is not None}
        reaches[message.name] = {number: each.name for number, each in inner.items()}
        todo += inner.values()
    leads = {"TensorProto"}
    for _ in reaches:
        leads |= {name for name, to in reaches.items() if leads & set(to.values())}
    found = {
        named[name]: {number: named[to] for number, to in reaches[name].items() if to in leads}
        for name in leads - {"TensorProto"}
    }
    assert found == onnx_check.REACH


def test_released_models_pass_and_mutilated_ones_are_read_or_refused_and_nothing_else() -> None:
    from agent.inference import zoo

    data = zoo.find("bearing").read_bytes()
    assert json.loads(onnx_check.metadata(data, "x")["drsn"])["name"] == "bearing"
    chance = random.Random(1)
    for _ in range(100):
        at = chance.randrange(2000) if chance.random() < 0.5 else chance.randrange(len(data))
        broken = data[:at] + chance.randbytes(chance.randrange(4)) + data[at + 1 :]
        with contextlib.suppress(UserError):
            onnx_check.metadata(broken, "x")


def test_a_key_made_by_openssl_signs_and_openssl_verifies_what_it_signed(tmp_path: Path) -> None:
    private, public = tmp_path / "o.pem", tmp_path / "o.pub.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    private.chmod(0o600)
    out = tmp_path / "tiny-3.drsn"
    model = bundles.model(tmp_path, "3")
    assert bundles.agent("bundle", model, "--key", private, "--out", out).returncode == 0
    data = out.read_bytes()
    assert unpack(data, [keys.raw_key(public, "key")], "x").signed
    lines = data.split(b"\n", 3)
    (tmp_path / "signed").write_bytes(b"\n".join(lines[:2]) + b"\n")
    (tmp_path / "sig").write_bytes(__import__("base64").b64decode(lines[2]))
    verify = ("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin")
    openssl(*verify, "-in", tmp_path / "signed", "-sigfile", tmp_path / "sig")


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def test_a_new_key_is_its_owners_alone_and_never_overwrites_one(tmp_path: Path) -> None:
    private = bundles.key(tmp_path)
    assert private.stat().st_mode & 0o777 == 0o600
    again = bundles.agent("bundle", "--new-key", private)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    private.chmod(0o644)
    with pytest.raises(UserError, match="expected chmod 0600"):
        signing.private_key(private)


@pytest.mark.parametrize(
    ("rollout", "why"),
    [
        ({"keys": ["/nowhere.pem"]}, r"rollout.keys\[0\]: /nowhere.pem cannot be read"),
        ({"from": "https://x/"}, "rollout.from: found no rollout.keys"),
        ({"announce": "fleet/models"}, "rollout.announce: found no rollout.from"),
        ({"announce": "fleet/#"}, "rollout.announce: found 'fleet/#'"),
        ({"shadow": 1}, "rollout.shadow: found an unknown key"),
    ],
    ids=str,
)
def test_a_mistake_in_the_section_is_one_line(rollout: dict[str, Any], why: str) -> None:
    from agent.config import load

    source = {"name": "a", "kind": "synth", "model": "bearing"}
    with pytest.raises(UserError, match=why):
        load.parse({"rollout": rollout, "sources": [source]})


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found a private key"):
        keys.raw_key(bundles.key(tmp_path), "rollout.keys[0]")


@pytest.mark.parametrize(
    ("one", "than", "is_older"),
    [
        ("1.9", "1.10", True),
        ("1.10", "1.9", False),
        ("2", "1.99.9", False),
        ("1", "1.0", True),
        ("1.0.1", "1", False),
        ("2", "trial-3", True),
    ],
)
def test_versions_are_compared_as_numbers(one: str, than: str, is_older: bool) -> None:
    assert older(one, than) == is_older


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere/a.drsn",
        "../a.drsn",
        "a/../../b.drsn",
        "//elsewhere/a.drsn",
        "https://models/%2e%2e/a.drsn",
        "https://models@elsewhere/a.drsn",
        "https://models/a.drsn?x=1",
        "https://models/",
        "file:///etc/passwd",
        "a b",
    ],
)
def test_nothing_is_fetched_from_elsewhere(url: str) -> None:
    told = {"name": "tiny", "version": "1", "sha256": "0" * 64, "size": 1, "url": url}
    announced = announcement.read(json.dumps(told).encode())
    with pytest.raises(UserError, match="expected a plain name below"):
        announcement.place(announced, "https://models/")
