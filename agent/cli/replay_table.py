"""Shows recordings to a person: a table of states and a verdict each, and a page of all."""

import sys
import time
from pathlib import Path

from agent.config.load import Config
from agent.core.logs import escape
from agent.core.model_contract import NO_NETWORK
from agent.core.types import Scored
from agent.jobs.replay import scoring, table
from agent.jobs.replay.report import page
from agent.jobs.replay.report.signal_log import SignalLog
from agent.jobs.replay.scoring import Replayed
from agent.jobs.replay.verdict import clock, verdict

PROGRESS_S = 0.5  # between two updates, on a terminal
HINT = "; with --rpm and --bearing a bearing fault can be named"


class Tables:
    """Prints the table and the verdict of each recording that it is called with."""

    def __init__(self, page: Path | None) -> None:
        """`page`: the file of HTML that `write_page` writes."""
        self._page = page
        self._sections: list[str] = []
        self._printed = 0

    def __call__(self, file: str, config: Config) -> int:
        """The exit code; `UserError`, `SourceError` where it was damaged after what is printed."""
        progress, signal = _Progress(), SignalLog()

        def see(scored: Scored, rate_hz: float) -> None:
            progress.see(scored, rate_hz)
            if self._page is not None:
                signal.see(scored, rate_hz)

        try:
            replayed = scoring.score(config, see)
        finally:
            progress.end()
        if self._page is not None:
            self._sections.append(page.section(file, replayed, signal))
        if self._printed:
            print()
        self._printed += 1
        for line in _lines(file, replayed):
            print(line, flush=True)
        if replayed.damage is not None:
            raise replayed.damage
        return 0

    def write_page(self) -> None:
        """Writes the page, where there is something to show."""
        if self._page is not None and self._sections:
            page.write(self._page, self._sections)


def _lines(file: str, replayed: Replayed) -> list[str]:
    pipeline, name = replayed.pipeline, escape(file)
    origin = pipeline.origin
    hint = HINT if _may_name_more(replayed) else ""
    return [
        f"{name}: {clock(replayed.duration_s)}, {pipeline.describe().removeprefix('file ')}",
        *table.lines(replayed.spans, origin.contract.labels, origin.unit),
        f"{name}: {verdict(replayed.spans)}{hint}",
    ]


def _may_name_more(replayed: Replayed) -> bool:
    """Whether speed and bearing, which are not known, could name what is called unknown."""
    common, contract = replayed.pipeline.settings.common, replayed.pipeline.origin.contract
    unknown = any(span.state.decision == "unknown" for span in replayed.spans)
    return unknown and contract.name != NO_NETWORK and not (common.orders and common.speed_known)


class _Progress:
    """How far the recording is read, on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self._shown_s = time.monotonic() + PROGRESS_S if sys.stderr.isatty() else float("inf")
        self._is_shown = False

    def see(self, scored: Scored, rate_hz: float) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s < PROGRESS_S:
            return
        self._shown_s, self._is_shown = now_s, True
        print(f"\r{clock(scored.window.first / rate_hz)}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clears the line."""
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
