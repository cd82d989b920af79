"""What is needed to build the pipeline of one source, and what all of them share."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.acquisition.published_values import PublishedValues
from agent.acquisition.timestamps import WallClock
from agent.acquisition.windows import hop_frames
from agent.config.source import SourceSettings
from agent.core.errors import ConfigError
from agent.core.model_contract import Contract
from agent.core.types import Source
from agent.inference.classifier import Serving
from agent.messages import payloads

OpenSource = Callable[[], Source]
WrapSource = Callable[[OpenSource], Source]


def open_unwrapped(open_source: OpenSource) -> Source:
    """Opens the source and puts nothing around it."""
    return open_source()


def _wake_nobody() -> None:
    """For callers that do not wait for windows."""


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """What all sources of an agent share for as long as it runs.

    `wake` is called by source threads when there may be something to score. `wrap_source` wraps
    each source when it is opened, e.g. to add noise in demos. `values` hears what other devices
    publish; None: nothing is heard, so that published speeds and conditions are not known.
    """

    wake: Callable[[], None] = _wake_nobody
    clock: WallClock = msgspec.field(default_factory=WallClock)
    wrap_source: WrapSource = open_unwrapped
    values: PublishedValues | None = None


class SourceBuild(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to build the pipeline of one source."""

    settings: SourceSettings
    model: Serving
    topics: payloads.Topics
    baselines: Path | None  # the folder with commissioned baselines; None: use none
    clip_s: float  # how far back a clip of a fault reaches
    runtime: Runtime
    strict: bool = True  # a recording that cannot be read is a mistake

    @property
    def contract(self) -> Contract:
        return self.model.contract

    @property
    def has_tacho(self) -> bool:
        return self.settings.common.tacho is not None

    @property
    def unit(self) -> str:
        return self.settings.common.unit or self.contract.unit

    @property
    def hop(self) -> int:
        """Frames from the start of one window to the next; `ConfigError` below one frame."""
        hop_s, rate_hz = self.settings.common.hop_s, self.contract.rate_hz
        hop = hop_frames(hop_s, rate_hz)
        if hop < 1:
            raise ConfigError(f"hop_s: found {hop_s}, expected at least {1 / rate_hz}")
        return hop
