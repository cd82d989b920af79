"""The largest packet that the broker takes: as it says, or as it shows by closing the connection.

MQTT 5 names the limit. A broker of MQTT 3.1.1 closes the connection on a larger packet, and the
next connection too: a large birth message would keep the agent away for ever. So a request follows
each large message that nobody waits for (`client.fence`); its answer shows that the message was
read. If several connections end while the same message was the largest that was not read, messages
of its size are left out.
"""

import sys

SMALL = 1024  # bytes: below this no broker's limit is suspected
LOSSES = 2  # in a row, after which a size is left out
WITHOUT_REQUEST = 0  # no id of a request
FORGET_S = 3600.0  # a limit that was concluded is tried again


class PacketLimit:
    """For messages that nobody waits for; sizes are in bytes. Reads no clock."""

    def __init__(self) -> None:
        self._stated = sys.maxsize
        self._concluded = sys.maxsize
        self._concluded_s = 0.0  # when, monotonic
        self._unread: dict[int, tuple[int, str]] = {}  # by the id of the request: size and topic
        self._read = 0  # the largest that was read
        self._suspect = ""  # topic of the largest message that was not read
        self._losses = 0
        self._left_out: set[str] = set()  # topics

    @property
    def waiting(self) -> bool:
        """Whether the broker has not read all of what is watched."""
        return bool(self._unread)

    @property
    def stated(self) -> int:
        """As the broker says."""
        return self._stated

    def begin(self, stated: int, now_s: float) -> None:
        """A new connection."""
        self._stated = stated
        self._unread.clear()
        if now_s - self._concluded_s > FORGET_S:
            self._concluded = sys.maxsize

    def forget(self) -> None:
        """Nothing is watched any more: the broker answers no request."""
        self._unread.clear()

    def excess(self, size: int, watched: bool) -> str | None:
        """Why a message of that size is left out; None: it is sent.

        What was concluded holds for `watched` messages, which nobody waits for.
        """
        if size > self._stated:
            return f"{size} bytes, and the broker takes {self._stated}"
        if watched and size >= self._concluded:
            return f"{size} bytes: the broker closes the connection on it (too large? denied?)"
        return None

    def is_news(self, topic: str) -> bool:
        """Whether it is the first time that a message on the topic is left out."""
        news = topic not in self._left_out
        self._left_out.add(topic)
        return news

    def sending(self, size: int, topic: str) -> None:
        """A message is about to be written, which may show that the connection is closed."""
        self._unread[WITHOUT_REQUEST] = size, topic

    def sent(self, request: int) -> None:
        """It was written, and after it a request with that id."""
        self._unread[request] = self._unread.pop(WITHOUT_REQUEST)

    def answered(self, request: int) -> None:
        size, topic = self._unread.pop(request, (0, ""))
        self._read = max(self._read, size)
        if topic == self._suspect:
            self._suspect, self._losses = "", 0

    def closed(self, now_s: float) -> bool:
        """The broker closed the connection; True: a size was concluded that is left out now."""
        if not self._unread:
            return False
        size, topic = max(self._unread.values())
        self._losses = self._losses + 1 if topic == self._suspect else 1
        self._suspect = topic
        if self._losses < LOSSES or size <= self._read:
            return False
        self._suspect, self._losses = "", 0
        self._concluded, self._concluded_s = size, now_s
        return True
