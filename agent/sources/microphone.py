"""A microphone, or an accelerometer that presents itself as one, by PortAudio.

Read with blocking calls, and only what is there: a callback would need memory that is writable
and executable, which the systemd unit forbids, and a blocked read hears no stop.
"""

import logging
import time
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core import pcm
from agent.core.errors import ConfigError
from agent.core.types import Block, Format, Samples, SourceError
from agent.sources import portaudio
from agent.sources.portaudio import Input, Lease

BLOCK_S = 0.05
WAIT_S = 0.2
DEAD_S = 3.0  # a stream that gives nothing for so long is opened anew
LATENCY_S = 0.5  # that the driver may keep while the agent is late
DTYPES = {16: "int16", 24: "int24"}

log = logging.getLogger("drsn.source")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: mic`."""

    device: str | int | None = None  # part of its name, or its index; None: the system's default
    rate_hz: Annotated[float, msgspec.Meta(gt=0)] | None = None  # None: the device's own
    interleaved: Annotated[int, msgspec.Meta(ge=1)] = 1  # channels to record
    bits: Literal[16, 24] = 16  # of its converter


class MicSource:
    """Reads an open stream."""

    def __init__(
        self, options: Options, rate_hz: float, lease: Lease, broken: type[Exception]
    ) -> None:
        full_scale = 1.0 - 2.0 ** (1 - options.bits)
        self.format = Format(rate_hz, options.interleaved, full_scale, live=True)
        self.close = lease.close
        self._lease = lease
        self._broken = broken
        self._bits = options.bits
        self._block = max(1, round(BLOCK_S * rate_hz))
        self._came_s = time.monotonic()

    def read(self) -> Block:
        try:
            ready = self._await_block()
            if not ready:
                return Block(np.zeros((0, self.format.channels), np.float32))
            data, overflowed = self._lease.stream.read(ready)
        except self._broken as error:
            raise SourceError(f"the device broke: {portaudio.why(error)}") from None
        # How much the driver threw away it does not say: one frame at least, the rest by the clock.
        return Block(self._samples(data), lost=int(overflowed))

    def _await_block(self) -> int:
        """Waits for a block; how many frames can be read without waiting, 0: not yet."""
        give_up_s = time.monotonic() + WAIT_S
        while (ready := int(self._lease.stream.read_available)) < self._block:
            now_s = time.monotonic()
            if self._lease.recalled:
                raise SourceError("closed, so that devices can be looked for anew")
            if now_s - self._came_s > DEAD_S:
                raise SourceError(f"the device has given nothing for {DEAD_S:g} s")
            if now_s > give_up_s:
                return 0
            time.sleep(max(0.002, (self._block - ready) / self.format.rate_hz))
        self._came_s = time.monotonic()
        return ready

    def _samples(self, data: Any) -> Samples:
        if self._bits == 16:
            values: npt.NDArray[np.generic] = np.frombuffer(data, "<i2")
        else:  # three bytes each, which become the upper ones of four
            padded = np.zeros((len(data) // 3, 4), np.uint8)
            padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            values = padded.view("<i4")
        return pcm.to_float(values).reshape(-1, self.format.channels)


def open_source(options: Options) -> MicSource:
    sd = portaudio.load()
    rate_hz = 0.0

    def make(sd: Any) -> Any:
        nonlocal rate_hz
        found = choose(portaudio.inputs(), options.device, sd.default.device[0])
        if options.interleaved > found.channels:
            raise ConfigError(
                f"interleaved: found {options.interleaved}, "
                f"expected at most the {found.channels} of {found.name!r}"
            )
        rate_hz = _rate_hz(sd, options, found)
        return sd.RawInputStream(
            samplerate=rate_hz, latency=LATENCY_S, **_settings(options, found.index)
        )

    try:
        lease = portaudio.open_stream(make)
    except SourceError as error:
        raise SourceError(f"microphone {options.device or 'by default'}: {error}") from None
    return MicSource(options, rate_hz, lease, sd.PortAudioError)


def choose(known: list[Input], device: str | int | None, default: int) -> Input:
    """The device that is meant. One that is missing may come later; an ambiguous name may not."""
    wanted = default if device is None else device
    if isinstance(wanted, int):
        found = [each for each in known if each.index == wanted]
    else:
        full = [(f"{each.name}, {each.api}".lower(), each) for each in known]
        found = [each for name, each in full if wanted.lower() in name]
        exact = [each for each in found if each.name.lower() == wanted.lower()]
        found = exact or found
    if len(found) > 1:
        names = "; ".join(each.name for each in found)
        raise ConfigError(f"device: found {wanted!r} in {names}, expected the name of one")
    if not found:
        names = "; ".join(each.name for each in known) or "none"
        raise SourceError(f"not among the inputs ({names})")
    return found[0]


def _rate_hz(sd: Any, options: Options, found: Input) -> float:
    """The wished rate, or the device's own where it does not have that."""
    if options.rate_hz is None:
        return found.rate_hz
    try:
        sd.check_input_settings(samplerate=options.rate_hz, **_settings(options, found.index))
    except sd.PortAudioError as error:
        if "sample rate" not in str(error):
            raise
        log.warning(
            "%s has no %g Hz: its own %g Hz are taken", found.name, options.rate_hz, found.rate_hz
        )
        return found.rate_hz
    return options.rate_hz


def _settings(options: Options, index: int) -> dict[str, Any]:
    return {"device": index, "channels": options.interleaved, "dtype": DTYPES[options.bits]}
