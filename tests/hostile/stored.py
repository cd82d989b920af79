"""Decoders of files: state, configuration, models."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from agent.config import load
from agent.config.rollout import raw_key
from agent.core import model_contract, state_directory
from agent.core.errors import ConditionError, UserError
from agent.core.types import Message
from agent.delivery.discovery import FILE as DEVICES
from agent.delivery.discovery import Discovery
from agent.delivery.disk import DiskError
from agent.delivery.outbox import Limits, Outbox
from agent.diagnosis.baseline import file as baselines
from agent.inference import bundle as bundles
from agent.inference import model_store, onnx_check, signing, variants
from agent.messages.sparkplug.bdseq import BdSeq
from tests.hostile.decoder import Decoder
from tests.support import bundles as signed_bundles
from tests.support import tiny

EDITS = (  # by hand
    "UPDATE message SET topic = 'drsn/#' WHERE seq = 3",
    "UPDATE message SET topic = CAST(x'ff' AS TEXT) WHERE seq = 4",
    "UPDATE message SET payload = 'text', first = -1 WHERE seq = 5",
    "UPDATE state SET epoch = 'none'",
    "UPDATE sqlite_sequence SET seq = 9223372036854775807",
    "ALTER TABLE message RENAME COLUMN topic TO place",
    "INSERT INTO state (epoch) VALUES ('a')",
    "DROP TABLE state; CREATE TABLE state (x)",
)


def state_files(folder: Path) -> list[Decoder]:
    """State files and the configuration, each written anew for each case."""
    frame = baselines.Frame(
        rate_hz=1000.0, window=200, channels=None, scale=1.0, hop_s=0.1, patience=3
    )
    state = {"centre": [0.0] * 31, "spread": [1.0] * 31, "share": 1.0}
    point = {"seconds": 9.0, "states": [state], "threshold": 1.0, "slow_threshold": 1.0}
    point |= {"stretches": 1, "extrapolated_decades": 0.0}
    baseline = {"schema": baselines.SCHEMA, "source": "a", "frame": msgspec.to_builtins(frame)}
    baseline |= {"points": [point], "false_alarms_per_month": 1.0}
    others: list[dict[str, Any]] = [{}, {"points": []}, {"schema": "drsn-baseline/1"}]
    others.append({"frame": msgspec.to_builtins(frame) | {"scale": 2.0}})
    choice = variants.VariantChoice("m", None, None, "box", 1, {"": 1.0})
    entry = {"version": "1", "sha256": "0" * 64, "bundle": "0" * 64, "since": "2026"}
    standing = {"name": "m", "phase": "probation", "present": entry}
    standing_file = model_store.root(folder) / "m" / model_store.STANDING
    standing_file.parent.mkdir(parents=True)
    locked = folder / "locked"
    locked.mkdir()
    config = (
        b"agent: {id: a}\nmqtt: {port: 1883}\nsources:\n- &a {name: a, kind: synth, model: m}\n"
    )

    def through(file: Path, call: Callable[[], object]) -> Callable[[bytes], object]:
        def write_and_call(data: bytes) -> object:
            if file.is_dir():
                file.rmdir()
            if data == b" ":
                file.unlink(missing_ok=True)
                file.mkdir()  # a folder in its place is a case, too
            elif data:
                file.write_bytes(data)
            else:
                file.unlink(missing_ok=True)  # and so is no file
            return call()

        return write_and_call

    def load_baseline() -> None:
        found = baselines.load(folder, "a", frame)
        if found is not None:
            baselines.check_width(found, folder, 31)

    return [
        Decoder(
            "baseline-a.json",
            through(baselines.path(folder, "a"), load_baseline),
            [json.dumps(baseline | more).encode() for more in others],
            [f"agent/diagnosis/baseline/file.py:{name}" for name in ("load", "_decoded")],
            (UserError,),
        ),
        Decoder(
            "variants.json",
            through(folder / variants.FILE, lambda: variants.read(folder)),
            [msgspec.json.encode(variants.SavedChoices({"0" * 64: choice}))],
            ["agent/inference/variants.py:read"],
        ),
        Decoder(
            "standing.json",
            through(standing_file, lambda: model_store.standing(folder, "m")),
            [json.dumps(standing).encode()],
            ["agent/inference/model_store.py:standing"],
        ),
        Decoder(
            "home-assistant.json",
            through(folder / DEVICES, lambda: Discovery(folder, ())),
            [b'["homeassistant/device/a/config"]'],
            ["agent/delivery/discovery.py:_read"],
        ),
        Decoder(
            "outbox.sqlite",
            through(folder / "outbox.sqlite", lambda: _open_outbox(folder)),
            [_outbox(folder), *(_outbox(folder, edit) for edit in EDITS)],
            [
                *(
                    f"agent/delivery/store_check.py:{n}"
                    for n in ("_is_topic", "_set_aside_damaged")
                ),
                "agent/delivery/store_check.py:check",
            ],
            (DiskError,),  # a folder in its place
            share=0.05,
        ),
        Decoder(
            "bdseq",
            through(folder / "bdseq", lambda: BdSeq(folder / "bdseq")),
            [b"17\n"],
            ["agent/messages/sparkplug/bdseq.py:BdSeq.__init__"],
        ),
        Decoder(
            "lock",
            through(locked / "lock", lambda: _claim(locked)),
            [b"", b"4711\n", b" "],
            [f"agent/core/state_directory.py:{name}" for name in ("claim", "in_use")],
            (UserError,),
        ),
        Decoder(
            "configuration",
            through(folder / "c.yaml", lambda: load.load(folder / "c.yaml")),
            [config],
            ["agent/config/yaml_bounds.py:check", "agent/config/yaml_file.py:parse"],
            (UserError,),
            share=0.2,
        ),
    ]


def _claim(folder: Path) -> None:
    """Takes the lock, twice, and gives it back; what the file holds does not matter.

    While a restore is interrupted only another restore may have it.
    """
    restoring = folder / state_directory.RESTORING
    restoring.mkdir(exist_ok=True)
    with contextlib.suppress(ConditionError):
        os.close(state_directory.claim(folder))
        raise AssertionError("an agent has the lock of a restore")
    os.close(state_directory.claim(folder, restoring=True))
    restoring.rmdir()
    lock = state_directory.claim(folder)
    assert state_directory.in_use(folder)
    with contextlib.suppress(ConditionError):
        os.close(state_directory.claim(folder))
        raise AssertionError("two have the lock")
    os.close(lock)
    assert not state_directory.in_use(folder)


def _unpack(data: bytes, trusted: bytes) -> None:
    """With and without a key to trust."""
    with contextlib.suppress(UserError):
        bundles.unpack(data, (trusted,), "b.drsn")
    bundles.unpack(data, (), "b.drsn")


def _outbox(folder: Path, edit: str = "") -> bytes:
    """The file of an outbox with a few messages, after that edit by hand."""
    made = folder / "made.sqlite"
    made.unlink(missing_ok=True)
    outbox = Outbox(made, Limits(), lambda _epoch, _gap: Message(0, "t", b""))
    for at in range(30):
        outbox.put(lambda _e, seq, at=at: Message(seq, f"drsn/a/{at}", b"x" * 50))  # type: ignore[misc]
    outbox.commit()
    outbox.close()
    with contextlib.closing(sqlite3.connect(made)) as db:
        db.executescript(edit)
    return made.read_bytes()


def _open_outbox(folder: Path) -> None:
    """Opens it as the agent does, and takes what is to be sent."""
    outbox = Outbox(folder / "outbox.sqlite", Limits(), lambda _e, _g: Message(0, "t", b""))
    try:
        for message in outbox.after(0, 100):
            assert isinstance(message.topic, str)
            message.topic.encode()
        outbox.put(lambda _epoch, seq: Message(seq, "t", b"more"))
        outbox.commit()
    finally:
        outbox.close()
        for aside in folder.glob("outbox.sqlite*"):
            aside.unlink()


def models(folder: Path) -> list[Decoder]:
    model = tiny.build()
    contract = tiny.contract().to_json()
    file, card = tiny.write(folder / "tiny.onnx"), folder / "card.md"
    card.write_text("# A card\n")
    private = signed_bundles.key(folder)
    trusted = raw_key(private.with_suffix(".pub.pem"), "rollout.keys[0]")
    _, bundle = bundles.pack(file, None, None)
    _, signed = bundles.pack(file, card, signing.private_key(private))
    return [
        Decoder(
            "model metadata",
            lambda data: model_contract.parse({"drsn": data.decode("utf-8", "replace")}, "m.onnx"),
            [contract.encode()],
            ["agent/core/model_contract.py:parse"],
            (UserError,),
        ),
        Decoder(
            "model file",
            lambda data: onnx_check.metadata(data, "m.onnx"),
            [model],
            ["agent/inference/onnx_check.py:metadata", "agent/inference/protobuf.py:fields"],
            (UserError,),
        ),
        Decoder(
            "bundle",
            lambda data: _unpack(data, trusted),
            [bundle, signed],
            ["agent/inference/bundle.py:unpack", "agent/inference/bundle.py:_signed"],
            (UserError,),
        ),
    ]
