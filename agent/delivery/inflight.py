"""What has been sent on one connection and not been acknowledged, by paho's message ids."""

import time

from agent.core.types import Receipt


class InFlight:
    """Counts the seconds without an acknowledgement while one is waited for."""

    def __init__(self) -> None:
        self._seq_of: dict[int, int] = {}
        self._receipts: list[Receipt] = []
        self._moved_s = 0.0  # when something was last acknowledged, or could not yet be

    def __len__(self) -> int:
        return len(self._seq_of)

    def begin(self) -> None:
        """A new connection: it counts its ids from 1 again, and has its time to answer."""
        self._seq_of.clear()
        self._moved_s = time.monotonic()

    def about_to_send(self) -> None:
        """Waiting begins with the first message that is under way."""
        if not self._seq_of:
            self._moved_s = time.monotonic()

    def sent(self, mid: int, seq: int) -> None:
        self._seq_of[mid] = seq

    def acknowledge(self, mid: int, refused: str | None) -> bool:
        """False for what nobody waits for: QoS 0 is "published" once it is written."""
        seq = self._seq_of.pop(mid, None)
        if seq is None:
            return False
        self._moved_s = time.monotonic()
        self._receipts.append(Receipt(seq, refused))
        return True

    def silent_s(self) -> float:
        return time.monotonic() - self._moved_s

    def receipts(self) -> list[Receipt]:
        """Since the last call."""
        found, self._receipts = self._receipts, []
        return found
