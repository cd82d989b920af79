"""The edge node's own metrics: its identity, its health, and the messages it had to drop."""

import functools
from collections.abc import Sequence

import msgspec

from agent.messages.machine import MachineState
from agent.messages.records import GapMarker, Health
from agent.messages.sparkplug import fields
from agent.messages.sparkplug.device_metrics import FAULT, unix_ms
from agent.messages.sparkplug.fields import FieldMetric
from agent.messages.sparkplug.metric import Metric, Type

REBIRTH = "Node Control/Rebirth"
BDSEQ = "bdSeq"
EPOCH = "epoch"

_HEALTH = fields.metrics(
    Health,
    "uptime_s",
    "clock.synchronised",
    "outbox.depth",
    "outbox.dropped",
    "outbox.parked",
    "outbox.trouble",
    "process.rss_mib",
)
_GAP = fields.metrics(GapMarker, "first_seq", "last_seq", "messages", "why", prefix="gap/")

_MACHINE = (
    *fields.metrics(MachineState, "decision", "label", "previous"),
    FieldMetric("fault", Type.BOOLEAN, lambda record: FAULT.get(record.decision)),
    *fields.metrics(MachineState, "alarm", "point", "direction", "sentence", "site", "area", "seq"),
)


def death(bdseq: int, now_ms: int) -> Metric:
    return Metric(BDSEQ, Type.INT64, bdseq, now_ms)


def birth(
    bdseq: int,
    version: str,
    epoch: str,
    latest: dict[str, Metric],
    now_ms: int,
    machines: Sequence[str] = (),
) -> list[Metric]:
    """All metrics of the node and its machines, with their values in `latest`, else null."""
    every = (*_HEALTH, *_GAP, *(metric for name in machines for metric in _of_machine(name)))
    return [
        death(bdseq, now_ms),
        Metric(REBIRTH, Type.BOOLEAN, False, now_ms),
        Metric("properties/version", Type.STRING, version, now_ms),
        Metric(EPOCH, Type.STRING, epoch, now_ms),
        *(latest.get(metric.name, metric.unknown(now_ms)) for metric in every),
    ]


def health(record: Health) -> list[Metric]:
    t_ms = unix_ms(record.t_published)
    return [metric.of(record, t_ms) for metric in _HEALTH]


def machine(record: MachineState) -> list[Metric]:
    t_ms = unix_ms(record.t_end)
    return [metric.of(record, t_ms) for metric in _of_machine(record.machine)]


@functools.lru_cache(maxsize=256)
def _of_machine(name: str) -> tuple[FieldMetric, ...]:
    return tuple(
        msgspec.structs.replace(metric, name=f"machine/{name}/{metric.name}") for metric in _MACHINE
    )


def gap(marker: GapMarker) -> list[Metric]:
    t_ms = unix_ms(marker.t_published)
    return [metric.of(marker, t_ms) for metric in _GAP]
