"""Brokers that refuse, for a while or for ever, or that acknowledge late, unordered or never."""

import math
import time

from tests.support.scripted_broker import CLOSE, IGNORE, ScriptedBroker

from .outcome import Check, at_most, injection, none
from .proxy import Proxy
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
    "acknowledgements out of order: twenty at a time, the last first; connections cut",
    "0 lost, none set aside, every message acknowledged",
    short=True,
)
def out_of_order(world: World) -> list[Check]:
    messages = world.size(5000, 400)
    with ScriptedBroker(lambda *_: 0, batch=20) as broker:
        agent = world.start(world.tree(broker.port, world.recorded(messages)))
        for part in range(1, 5):
            due = messages * part // 5
            seconds_until(lambda: len(broker.received) > due, 60)  # noqa: B023
            broker.cut()
        ended_s = agent.ended_after_s(120)
        taken, connects, held = _numbered(broker), broker.connects, broker.most_held
    seqs = [record["seq"] for record in taken]
    return [
        Check("all acknowledged after s", ended_s, ended_s < math.inf),
        Check("connects", connects, connects >= 3),
        Check("acknowledged together, at most", held, held > 10),
        none("lost", set(range(1, messages + 1)) - set(seqs)),
        at_most("duplicates", len(seqs) - len(set(seqs)), 20 * connects),
        none("set aside", len(kept(world.state()).parked)),
    ]


@injection(
    "Receive Maximum 1, connections cut at random every 0.5-30 kB, 1,000 messages",
    "0 lost, never two in flight: at most one duplicate for each cut, in order",
    short=True,
)
def receive_maximum(world: World) -> list[Check]:
    messages = world.size(1000, 200)
    broker = world.broker("max_inflight_messages 1\n")
    listener = world.listen(broker.port)
    proxy = world.stack.enter_context(Proxy(broker.port, cut_bytes=(500, 30_000)))
    agent = world.start(world.tree(proxy.port, world.recorded(messages)))
    ended_s = agent.ended_after_s(300)
    seconds_until(lambda: listener.book.last >= messages, 5)
    book = listener.book
    return [
        Check("all acknowledged after s", ended_s, ended_s < math.inf),
        Check("cuts", proxy.cuts, proxy.cuts > messages / 50),
        none("lost", book.missing(messages)),
        at_most("duplicates", book.duplicates, proxy.cuts),
        none("first deliveries out of order", book.out_of_order),
        none("numbers given twice", book.conflicts),
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
