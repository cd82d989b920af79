"""Quotes what a source refuses: the first piece, once, until much has been taken again."""

import logging

REARM = 1000  # pieces taken after which a refusal is news again
SHOWN = 60  # bytes of a piece

log = logging.getLogger("drsn.source")


class Refusals:
    """Counts what one source refuses; `text` is why it took nothing of what came last."""

    def __init__(self) -> None:
        self.count = 0
        self.text: str | None = None
        self._taken = REARM

    def add(self, text: str) -> None:
        """One piece was refused; the text says what was found and what was expected."""
        self.count += 1
        self.text = text
        if self._taken >= REARM:
            log.warning("refused: %s", text)
            self._taken = 0

    def took(self, pieces: int = 1) -> None:
        """So many pieces were taken."""
        self.text = None
        self._taken += pieces


def quote(data: bytes) -> str:
    """The beginning of the piece, printable."""
    return repr(data if len(data) <= SHOWN else data[:SHOWN] + b"...")[1:]
