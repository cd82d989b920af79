"""The edge node's own metrics: its identity, its health, and the messages it had to drop."""

from agent.messages.records import GapMarker, Health
from agent.messages.sparkplug import fields
from agent.messages.sparkplug.device_metrics import unix_ms
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


def death(bdseq: int, now_ms: int) -> Metric:
    return Metric(BDSEQ, Type.INT64, bdseq, now_ms)


def birth(
    bdseq: int, version: str, epoch: str, latest: dict[str, Metric], now_ms: int
) -> list[Metric]:
    """All metrics of the node, with their values in `latest`, else null."""
    return [
        death(bdseq, now_ms),
        Metric(REBIRTH, Type.BOOLEAN, False, now_ms),
        Metric("properties/version", Type.STRING, version, now_ms),
        Metric(EPOCH, Type.STRING, epoch, now_ms),
        *(latest.get(metric.name, metric.unknown(now_ms)) for metric in _HEALTH + _GAP),
    ]


def health(record: Health) -> list[Metric]:
    t_ms = unix_ms(record.t_published)
    return [metric.of(record, t_ms) for metric in _HEALTH]


def gap(marker: GapMarker) -> list[Metric]:
    t_ms = unix_ms(marker.t_published)
    return [metric.of(marker, t_ms) for metric in _GAP]
