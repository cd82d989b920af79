"""The records for the browser, except those of windows."""

import msgspec

from agent.web.demo_controls import Setting


class About(msgspec.Struct, frozen=True, kw_only=True):
    """One source and its networks."""

    name: str
    kind: str
    summary: str  # the source and its model, in one line
    trouble: str | None  # of the source; None: it works
    labels: tuple[str, ...]
    normal: tuple[str, ...]
    rate_hz: float
    hop_s: float
    window_s: float
    column_s: float  # of waveform and spectrogram
    model: str
    layers: int  # that threshold
    rival: str | None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a source's state."""

    id: int
    source: str
    at: str  # start of the window that changed it, ISO 8601
    decision: str
    label: str | None
    probability: float | None
    previous: str
    flags: list[str]


class PageState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a browser needs to start, or to start again."""

    agent: str
    sources: list[About]
    events: list[Event]  # oldest first
    setting: Setting | None  # None: a page without controls
    noises: tuple[str, ...]
    simulated: bool
    states: dict[str, tuple[str, str | None]]  # decision and label of each source
