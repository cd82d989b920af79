"""Browsers that are slow, or too many, cost the agent nothing."""

from agent.web.http.broadcast import QUEUED, VIEWERS, Broadcaster


def test_a_browser_that_takes_nothing_costs_nothing_and_begins_anew() -> None:
    hub = Broadcaster()
    viewer = hub.join("a")
    assert viewer is not None
    for number in range(1000):
        hub.put("frame", b"%d" % number, "a")
    taken = [viewer.next(0) for _ in range(QUEUED + 1)]
    assert [item for item in taken if item] == [("frame", b"%d" % n) for n in range(QUEUED)]
    assert taken[-1] is None  # something was missed: the stream tells where all stands
    hub.put("frame", b"new", "a")
    assert viewer.next(0) == ("frame", b"new")


def test_only_so_many_browsers_are_served() -> None:
    hub = Broadcaster()
    viewers = [hub.join("a") for _ in range(VIEWERS)]
    assert all(viewers)
    assert hub.join("a") is None
    assert viewers[0] is not None
    hub.leave(viewers[0])
    assert hub.join("b") is not None
    assert hub.watched("b")
