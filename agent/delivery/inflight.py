"""Messages sent on one connection and not yet acknowledged, by paho's message ids."""

import time

from agent.core.types import Receipt


class InFlight:
    """Also measures the time without an acknowledgement while one is expected."""

    def __init__(self) -> None:
        self._seq_of: dict[int, int] = {}
        self._receipts: list[Receipt] = []
        self._moved_s = (
            0.0  # monotonic time of the last acknowledgement, or of the start of waiting
        )

    def __len__(self) -> int:
        return len(self._seq_of)

    def begin(self) -> None:
        """Starts a new connection, which counts its ids from 1 again."""
        self._seq_of.clear()
        self._moved_s = time.monotonic()

    def about_to_send(self) -> None:
        """Starts the measured time with the first message in flight."""
        if not self._seq_of:
            self._moved_s = time.monotonic()

    def sent(self, mid: int, seq: int) -> None:
        self._seq_of[mid] = seq

    def acknowledge(self, mid: int, refused: str | None = None, passing: bool = False) -> bool:
        """False for an id that is not in flight: QoS 0 is reported, too, once it is written."""
        seq = self._seq_of.pop(mid, None)
        if seq is None:
            return False
        self._moved_s = time.monotonic()
        self._receipts.append(Receipt(seq, refused, passing))
        return True

    def refuse(self, seq: int, why: str) -> None:
        """A message that was not sent at all."""
        self._receipts.append(Receipt(seq, why))

    def silent_s(self) -> float:
        return time.monotonic() - self._moved_s

    def receipts(self) -> list[Receipt]:
        """Since the last call."""
        receipts, self._receipts = self._receipts, []
        return receipts
