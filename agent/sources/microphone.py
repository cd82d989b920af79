"""A microphone, or an accelerometer that presents itself as one, by PortAudio.

It is read by calls, and only as many frames as are ready: a callback would need memory that is
writable and executable, which the systemd unit forbids, and a blocked read cannot be stopped.
"""

import logging
import time
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core import pcm
from agent.core.annotated import Interleaved, RateHz
from agent.core.errors import ConfigError
from agent.core.types import Block, Format, Samples, SourceError
from agent.sources import portaudio
from agent.sources.portaudio import Input, Lease

BLOCK_S = 0.05
WAIT_S = 0.2
DEAD_S = 3.0  # a stream without data for so long is opened again
LATENCY_S = 0.5  # of signal that the driver buffers while the agent is late
DTYPES = {16: "int16", 24: "int24"}

log = logging.getLogger("drsn.source")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: mic`."""

    device: str | Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = (
        None  # part of its name, or its index; None: the system's default
    )
    rate_hz: RateHz | None = None  # None: the device's own
    interleaved: Interleaved = 1  # channels to record
    bits: Literal[16, 24] = 16  # of its converter


class MicSource:
    """Reads an open stream."""

    def __init__(
        self, options: Options, rate_hz: float, lease: Lease, broken: type[Exception]
    ) -> None:
        full_scale = 1.0 - 2.0 ** (1 - options.bits)
        self.format = Format(
            rate_hz, options.interleaved, full_scale, live=True, step=1.0 - full_scale
        )
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
            raise SourceError(f"the device failed: {portaudio.why(error)}") from None
        # The driver does not say how many frames it lost: at least one; the clock finds the rest.
        return Block(self._samples(data), lost=int(overflowed))

    def _await_block(self) -> int:
        """Waits for a block; returns the number of frames that are ready, or 0."""
        give_up_s = time.monotonic() + WAIT_S
        while (ready := int(self._lease.stream.read_available)) < self._block:
            now_s = time.monotonic()
            if self._lease.recalled:
                raise SourceError("closed so that the list of devices can be renewed")
            if now_s - self._came_s > DEAD_S:
                raise SourceError(f"the device has sent nothing for {DEAD_S:g} s")
            if now_s > give_up_s:
                return 0
            time.sleep(max(0.002, (self._block - ready) / self.format.rate_hz))
        self._came_s = time.monotonic()
        return ready

    def _samples(self, data: Any) -> Samples:
        if self._bits == 16:
            values: npt.NDArray[np.generic] = np.frombuffer(data, "<i2")
        else:  # three bytes each: the upper ones of four
            padded = np.zeros((len(data) // 3, 4), np.uint8)
            padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            values = padded.view("<i4")
        return pcm.to_float(values).reshape(-1, self.format.channels)


def open_source(options: Options) -> MicSource:
    sd = portaudio.load()
    rate_hz = 0.0

    def make(sd: Any) -> Any:
        nonlocal rate_hz
        device = choose(portaudio.inputs(), options.device, sd.default.device[0])
        if options.interleaved > device.channels:
            raise ConfigError(
                f"interleaved: found {options.interleaved}, "
                f"expected at most the {device.channels} of {device.name!r}"
            )
        rate_hz = _rate_hz(sd, options, device)
        return sd.RawInputStream(
            samplerate=rate_hz, latency=LATENCY_S, **_settings(options, device.index)
        )

    try:
        lease = portaudio.open_stream(make)
    except SourceError as error:
        raise SourceError(f"microphone {options.device or 'by default'}: {error}") from None
    return MicSource(options, rate_hz, lease, sd.PortAudioError)


def choose(
    inputs: list[Input],
    device: str | Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None,
    default: int,
) -> Input:
    """The device with that name or index, else the default one.

    `SourceError` where it is missing, since it may come; `ConfigError` for an ambiguous name.
    """
    key = default if device is None else device
    if isinstance(key, int):
        matches = [entry for entry in inputs if entry.index == key]
    else:
        full = [(f"{entry.name}, {entry.api}".lower(), entry) for entry in inputs]
        matches = [entry for name, entry in full if key.lower() in name]
        exact = [entry for entry in matches if entry.name.lower() == key.lower()]
        matches = exact or matches
    if len(matches) > 1:
        names = "; ".join(entry.name for entry in matches)
        raise ConfigError(f"device: found {key!r} in {names}, expected the name of one")
    if not matches:
        names = "; ".join(entry.name for entry in inputs) or "none"
        raise SourceError(f"not among the inputs ({names})")
    return matches[0]


def _rate_hz(sd: Any, options: Options, device: Input) -> float:
    """The configured rate, or the device's own where it does not support that."""
    if options.rate_hz is None:
        return device.rate_hz
    try:
        sd.check_input_settings(samplerate=options.rate_hz, **_settings(options, device.index))
    except sd.PortAudioError as error:
        if "sample rate" not in str(error):
            raise
        log.warning(
            "%s does not support %g Hz: using its own %g Hz",
            device.name,
            options.rate_hz,
            device.rate_hz,
        )
        return device.rate_hz
    return options.rate_hz


def _settings(options: Options, index: int) -> dict[str, Any]:
    return {"device": index, "channels": options.interleaved, "dtype": DTYPES[options.bits]}
