"""Every decoder of bytes from outside, with valid messages to mutate.

A call returns whatever it decodes; only the errors in `expected`, which a user reads as one line,
may come out of it.
"""

import datetime
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from agent.config.commands import VERBS, Commands
from agent.config.load import Config
from agent.config.rollout import Rollout
from agent.control.command_context import CommandContext
from agent.control.command_handler import CommandHandler
from agent.control.commissioning.requests import CommissioningRequests
from agent.control.rollout.requests import UpdateQueue
from agent.core.types import Message
from agent.delivery.discovery import Discovery
from agent.delivery.journal.events import JournalEvent
from agent.delivery.journal.journal import Journal
from agent.delivery.outbox import Limits, Outbox
from agent.delivery.sender import Sender
from agent.delivery.stdout_sink import StdoutSink
from agent.jobs.ingest import rows
from agent.messages import payloads, topics
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.edge_node import Address, EdgeNode
from agent.messages.sparkplug.latest import Latest
from agent.messages.sparkplug.protocol import Payload
from agent.mqtt.negotiation import Negotiation
from agent.mqtt.settings import Mqtt
from agent.service.announcer import Announcer
from agent.service.machines import MachineStates
from agent.sources.sensor_nodes import frames
from agent.sources.sensor_nodes.deframer import Deframer
from agent.sources.sensor_nodes.receiver import Receiver
from agent.sources.sensor_nodes.text_lines import TextLines
from tests.hostile import databases, heard, servers, stored
from tests.hostile.decoder import Decoder

LONG_AGO = "2020-01-01T00:00:00Z"
ARGUMENTS: list[dict[str, Any]] = [  # of one verb or another
    {"source": "a", "seconds": 1.5},
    {"action": "retry", "seqs": [1, 2, 2**63]},
    {"action": "show", "seqs": [10**18]},
    {"source": "a", "by": "anna"},
    {"source": "a", "text": "Greased.", "event_id": 1},
    {"source": "a", "label": "false_alarm", "event_id": 2**63},
    {"source": "a", "on": True, "until": "2999-01-01T00:00:00Z", "by": "anna"},
]
FAULT = JournalEvent(
    id=0,
    t="2026-01-01T00:00:00.000Z",
    source="a",
    kind="decision",
    decision="fault",
    sentence="Why.",
)
EPOCH = "0a0b0c0d-0000-4000-8000-000000000000"


def table(folder: Path) -> list[Decoder]:
    """All of them; what they keep is in `folder`."""
    return [
        *_topics(folder),
        *_sensors(),
        *heard.table(),
        *stored.state_files(folder),
        *databases.table(folder),
        *stored.models(folder),
        *servers.table(),
    ]


def _topics(folder: Path) -> list[Decoder]:
    """What the broker brings."""
    own_topics = payloads.Topics("drsn", "press-04")
    discovery = Discovery(folder, ())
    announcer = Announcer(
        topics=own_topics,
        epoch=EPOCH,
        pipelines=(),
        machines=MachineStates(Config()),
        discovery=discovery,
        negotiation=Negotiation(Mqtt()),
    )
    outbox = Outbox(None, Limits(), lambda _epoch, _gap: Message(0, "t", b""))
    sender = Sender(outbox, StdoutSink(), lambda: Message(0, "t", b""), 60.0, lambda: None)
    journal = Journal(folder / "commands.sqlite", 8 << 20)
    journal.add(FAULT)
    pipelines: Any = (SimpleNamespace(name="a", publish_until_s=0.0),)
    context = CommandContext(
        pipelines, None, None, time.monotonic(), sender, CommissioningRequests(), journal=journal
    )
    handlers: list[CommandHandler] = []
    updates = UpdateQueue(Rollout(source="https://example.org/models"), folder)
    node = EdgeNode(Address("g", "n"), EPOCH, lambda: (), Latest(0), BdSeq(folder / "bdseq"))
    info = payloads.info(own_topics, "1", EPOCH, 0.0, []).payload
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=30)
    command = {"id": "a", "expires": moment.isoformat(), "arguments": {}}
    by_verb = [command | {"arguments": arguments} for arguments in ARGUMENTS]
    late, past = command | {"expires": "2999-01-01T00:00:00Z"}, command | {"expires": LONG_AGO}
    valid_commands = [json.dumps(made).encode() for made in (command, *by_verb, late, past)]
    announced = {"name": "tiny", "version": "2", "sha256": "0" * 64, "size": 9, "url": "tiny.drsn"}
    rebirth = Payload()
    metric = rebirth.metrics.add(name="Node Control/Rebirth", boolean_value=True)
    metric.datatype = 11
    gap = {
        "schema": topics.schema("gap"),
        "epoch": EPOCH,
        "seq": 5,
        "agent": "press-04",
        "t_published": "2026-01-01T00:00:00Z",
        "first_seq": 1,
        "last_seq": 4,
        "messages": 4,
        "why": "age",
    }
    observed = {key: gap[key] for key in ("epoch", "seq", "agent")} | {
        "schema": topics.schema("event"),
        "source": "a",
        "t_end": "2026-01-01T00:00:00Z",
        "decision": "fault",
        "model": {"name": "m", "version": "1"},
        "label": "outer",
        "probability": 0.9,
    }

    measured = {
        "schema": "drsn-measurement/1",
        "epoch": observed["epoch"],
        "agent": "press-04",
        "source": "a",
        "t_end": "2026-01-01T00:00:00Z",
        "decision": "normal",
        "unit": "g",
        "physics": [{"seconds": 5.0, "rms": 0.5, "peak": 2.0, "evidence_db": None}],
    }

    def handler(*allowed: str) -> CommandHandler:
        return CommandHandler(Commands(allow=allowed), context, lambda *_a, **_k: None)

    def command_of_any_verb(data: bytes) -> None:
        if not handlers or data in valid_commands:  # full of ids, one takes nothing for a while
            handlers[:] = [handler("ping")]
        for verb in (*VERBS, "no-such-verb"):
            handlers[0].on_command(f"drsn/press-04/cmd/{verb}", data, len(data) % 5 == 0)
            handler(*VERBS).on_command(f"drsn/press-04/cmd/{verb}", data, False)  # knows no id

    def ingested(data: bytes) -> None:
        rows.read("drsn/press-04/gap", data)
        rows.read("drsn/press-04/a/event", data)
        rows.read("drsn/press-04/a/measurement", data)

    return [
        Decoder(
            "topic info",
            announcer.is_other,
            [info, b'{"a":' * 18 + b"0" + b"}" * 18],
            [
                "agent/service/announcer.py:Announcer.is_other",
                *(f"agent/core/json_input.py:{name}" for name in ("decode", "is_deeper", "_check")),
            ],
        ),
        Decoder(
            "topic cmd/+",
            command_of_any_verb,
            valid_commands,
            [
                *(f"agent/messages/command.py:{name}" for name in ("read", "arguments", "parse")),
                "agent/control/command_handler.py:CommandHandler._admit",
                "agent/core/json_input.py:decode_object",
            ],
        ),
        Decoder(
            "topic models/+/announce",
            lambda data: updates.on_announcement("t", data, False),
            [
                json.dumps(announced | more).encode()
                for more in ({}, {"url": "../x"}, {"size": 9**20})
            ],
            ["agent/messages/announcement.py:read", "agent/messages/announcement.py:place"],
        ),
        Decoder(
            "topic homeassistant/status",
            lambda data: discovery.on_status("t", data, False),
            [b"online", b"offline"],
            ["agent/delivery/discovery.py:Discovery.on_status"],
        ),
        Decoder(
            "topics NCMD and NBIRTH",
            lambda data: (node.on_command("t", data, False), node.is_other(data)),
            [rebirth.SerializeToString()],
            [
                "agent/messages/sparkplug/protocol.py:read",
                "agent/messages/sparkplug/edge_node.py:EdgeNode.on_command",
                "agent/messages/sparkplug/edge_node.py:EdgeNode.is_other",
            ],
        ),
        Decoder(
            "ingest",
            ingested,
            [json.dumps(record).encode() for record in (gap, observed, measured)],
            [
                *(f"agent/jobs/ingest/rows.py:{name}" for name in ("read", "_gap", "_check_topic")),
                "agent/jobs/ingest/measurement_rows.py:MeasurementFields.rows",
            ],
        ),
    ]


def _sensors() -> list[Decoder]:
    """What sensor nodes send; a decoder that keeps state goes on from case to case."""
    values = np.arange(40, dtype=np.int16).reshape(-1, 2)
    frame = frames.pack(values, 7)
    receiver = Receiver(1000.0, "int16", 2, 0.1, 16)
    deframer = Deframer(1000.0, "int16", 2)
    lines = TextLines(1000.0, 2)

    def receive(data: bytes) -> None:
        receiver.put(data, time.monotonic())
        receiver.take(time.monotonic())

    folder = "agent/sources/sensor_nodes"
    return [
        Decoder(
            "frames of udp and mqtt",
            receive,
            [frame, frames.pack(values, 2**32 - 5)],
            [f"{folder}/frames.py:{name}" for name in ("head", "samples")],
        ),
        Decoder(
            "frames of a serial line",
            lambda data: deframer.push(data, time.monotonic()),
            [frames.seal(frame) * 2],
            [f"{folder}/deframer.py:Deframer.{name}" for name in ("push", "_cut")],
        ),
        Decoder(
            "text of a serial line",
            lambda data: lines.push(data, time.monotonic()),
            [b"1.5, -0.2\n3;4\n"],
            [f"{folder}/text_lines.py:TextLines.{name}" for name in ("push", "_numbers")],
        ),
    ]
