"""Brokers that refuse: for a while everything, or for ever some messages."""

import math
import time

from tests.support.scripted_broker import CLOSE, IGNORE, ScriptedBroker

from .outcome import Check, at_most, injection, none
from .world import World, kept, seconds_until

QUOTA_EXCEEDED = 0x97


@injection(
    "everything refused (PUBACK 0x97) for 30 s under load",
    "0 set aside, 0 lost, the line backs off, delivering again within 32 s",
    short=True,
)
def passing_refusals(world: World) -> list[Check]:
    refusing = False

    def answer(topic: str, _payload: bytes) -> int:
        return QUOTA_EXCEEDED if refusing and topic.endswith("/window") else 0

    with ScriptedBroker(answer) as broker:
        agent = world.start(world.tree(broker.port, world.live(40)))
        seconds_until(lambda: len(broker.records("window")) > 40, 20)
        refusing = True
        time.sleep(world.size(30, 6))
        refused = len(broker.records("window", QUOTA_EXCEEDED))
        refusing = False
        seconds_until(lambda: broker.received[-1][2] == 0, 1)
        before = len(broker.records("window"))
        again_s = seconds_until(lambda: len(broker.records("window")) > before + 200, 40)
        agent.stopped_after_s()
        taken = {record["seq"] for record in _numbered(broker)}
        left = kept(world.state())
    return [
        Check("refused", refused, 3 <= refused <= 60),
        none("set aside", len(left.parked)),
        at_most("delivering again after", again_s, 32.0, " s"),
        none("lost", set(range(1, left.last_seq + 1)) - taken - left.seqs),
        Check("said in the log", agent.says("the broker refuses all messages")),
    ]


@injection(
    "one window in 200 never acknowledged",
    "the others flow, it is sent again on a new connection, 0 lost",
)
def never_acknowledged(world: World) -> list[Check]:
    count = 0

    def answer(topic: str, _payload: bytes) -> int:
        nonlocal count
        count += topic.endswith("/window")
        return IGNORE if topic.endswith("/window") and count % 200 == 0 else 0

    messages = world.size(1000, 400)
    with ScriptedBroker(answer) as broker:
        agent = world.start(world.tree(broker.port, world.recorded(messages)))
        ended_s = agent.ended_after_s(240)
        taken = {record["seq"] for record in _numbered(broker)}
        connects = broker.connects
    return [
        Check("all acknowledged after s", ended_s, ended_s < math.inf),
        Check("connects", connects, connects > 1),
        none("lost", set(range(1, messages + 1)) - taken),
    ]


@injection(
    "an access list that closes the connection on `status`",
    "told as a question of rights, not as another client",
)
def denied_status(world: World) -> list[Check]:
    with ScriptedBroker(lambda topic, _: CLOSE if topic.endswith("/status") else 0) as broker:
        agent = world.start(world.tree(broker.port, world.live(20)))
        seconds_until(lambda: broker.connects >= 5, 30)
        connects = broker.connects
        stopped_s = agent.stopped_after_s()
    return [
        Check("connects", connects, connects >= 5),
        Check("asks for the rights", agent.says("may we publish below drsn/box/")),
        none("told as another client", int(agent.says("another agent"))),
        at_most("stopped after", stopped_s, 5.0, " s"),
    ]


def _numbered(broker: ScriptedBroker) -> list[dict[str, int]]:
    return [
        record for last in ("window", "state", "event", "gap") for record in broker.records(last)
    ]
