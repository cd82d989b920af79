"""What the box itself remembers: trends of measurements, and the journal of events."""

from pathlib import Path

import msgspec

from agent.config.load import Config
from agent.delivery.journal import journal_file
from agent.delivery.journal.journal import Journal
from agent.delivery.trends import recorder
from agent.delivery.trends.recorder import TrendRecorder


class History(msgspec.Struct, frozen=True, kw_only=True):
    """`turn` and `close` are for the thread that owns the files; None: that one is not kept."""

    trends: TrendRecorder | None = None
    journal: Journal | None = None

    def turn(self) -> None:
        """Writes what is due."""
        if self.trends is not None:
            self.trends.turn()
        if self.journal is not None:
            self.journal.turn()

    def close(self) -> None:
        """Writes the rest."""
        if self.trends is not None:
            self.trends.close()
        if self.journal is not None:
            self.journal.close()


def open_history(config: Config) -> History:
    """In the state directory, which this process has claimed; the stdout sink keeps nothing."""
    if config.agent.sink == "stdout":
        return History()
    folder = Path(config.agent.state_dir)
    trends = TrendRecorder(folder / recorder.FILE, round(config.trends.max_mib * 2**20))
    journal = Journal(folder / journal_file.FILE, round(config.journal.max_mib * 2**20))
    return History(trends=trends if config.trends.enabled else None, journal=journal)
