"""The edge node's own metrics: who it is, how it is, and what had to be dropped."""

from collections.abc import Callable
from typing import Any

from agent.messages.records import GapMarker, Health
from agent.messages.sparkplug.device_metrics import unix_ms
from agent.messages.sparkplug.metric import Metric, Type, Value

REBIRTH = "Node Control/Rebirth"
BDSEQ = "bdSeq"
EPOCH = "epoch"

_HEALTH: tuple[tuple[str, Type, Callable[[Health], Value]], ...] = (
    ("uptime_s", Type.DOUBLE, lambda h: h.uptime_s),
    ("clock/synchronised", Type.BOOLEAN, lambda h: h.clock.synchronised),
    ("outbox/depth", Type.INT64, lambda h: h.outbox.depth),
    ("outbox/dropped", Type.INT64, lambda h: h.outbox.dropped),
    ("outbox/parked", Type.INT64, lambda h: h.outbox.parked),
    ("outbox/trouble", Type.STRING, lambda h: h.outbox.trouble),
    ("process/rss_mib", Type.DOUBLE, lambda h: h.process.rss_mib),
)
_GAP: tuple[tuple[str, Type, Callable[[GapMarker], Value]], ...] = (
    ("gap/first_seq", Type.INT64, lambda g: g.first_seq),
    ("gap/last_seq", Type.INT64, lambda g: g.last_seq),
    ("gap/messages", Type.INT64, lambda g: g.messages),
    ("gap/why", Type.STRING, lambda g: g.why),
)


def death(bdseq: int, now_ms: int) -> Metric:
    return Metric(BDSEQ, Type.INT64, bdseq, now_ms)


def birth(
    bdseq: int, version: str, epoch: str, known: dict[str, Metric], now_ms: int
) -> list[Metric]:
    """All of them, as `known` has them; else not known."""
    tables: list[tuple[str, Type, Any]] = [*_HEALTH, *_GAP]
    return [
        death(bdseq, now_ms),
        Metric(REBIRTH, Type.BOOLEAN, False, now_ms),
        Metric("properties/version", Type.STRING, version, now_ms),
        Metric(EPOCH, Type.STRING, epoch, now_ms),
        *(known.get(name, Metric(name, kind, None, now_ms)) for name, kind, _ in tables),
    ]


def health(said: Health) -> list[Metric]:
    t_ms = unix_ms(said.t_published)
    return [Metric(name, kind, read(said), t_ms) for name, kind, read in _HEALTH]


def gap(said: GapMarker) -> list[Metric]:
    t_ms = unix_ms(said.t_published)
    return [Metric(name, kind, read(said), t_ms) for name, kind, read in _GAP]
