"""A converter or accelerometer with a Linux IIO driver, local or on another machine, by libiio.

Samples come through the kernel's buffer where the driver has one; else they are polled one by one,
which is slow and jitters. Values are (raw + offset) * scale: m/s2 for an accelerometer (Linux
kernel, Documentation/ABI/testing/sysfs-bus-iio).
"""

import errno
import math
import select
import time
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core import extras
from agent.core.annotated import RateHz
from agent.core.errors import ConfigError, UserError
from agent.core.types import Block, SourceError
from agent.sources.iio_device import Device

WAIT_S = 0.2
LOCAL_S, REMOTE_S = 0.25, 0.1  # of signal in a block; a remote device sends only full blocks
TIMEOUT_S = 1.0  # of a remote context
POLLED_S = 0.05


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: iio`."""

    device: str  # its name or id: adxl345, iio:device0
    inputs: tuple[str, ...] | None = None  # ids of its channels, e.g. accel_x; None: all
    uri: str = "local:"  # of the context; ip:HOST of another machine's iiod
    rate_hz: RateHz | None = None  # to set; None: the device's current rate
    mode: Literal["buffer", "polled"] | None = None  # None: buffer where the driver has one


class BufferedSource:
    """Samples through the kernel's buffer."""

    def __init__(self, iio: Any, device: Device, local: bool) -> None:
        self.format = device.format
        self._device = device
        enabled = {channel.id for channel in device.channels}
        for channel in device.device.channels:
            channel.enabled = channel.id in enabled
        seconds = LOCAL_S if local else REMOTE_S
        self._buffer = iio.Buffer(device.device, max(1, round(seconds * device.rate_hz)))
        self._poll: Any = None
        if local:  # over the network a refill waits until a block is full, or the time is out
            self._buffer.set_blocking_mode(False)
            self._poll = select.poll()
            self._poll.register(self._buffer.poll_fd, select.POLLIN)

    def read(self) -> Block:
        empty = Block(np.zeros((0, self.format.channels), np.float32))
        if self._poll is not None and not self._poll.poll(WAIT_S * 1000):
            return empty
        try:
            self._buffer.refill()
        except BlockingIOError:
            return empty
        except OSError as error:
            raise SourceError(f"the device failed: {error.strerror}") from None
        raw = [_values(channel, self._buffer) for channel in self._device.channels]
        return Block(self._device.scaled(np.column_stack(raw)))

    def close(self) -> None:
        """Closes the buffer first: it must not outlive its context."""
        self._buffer = None
        self._device.close()


class PolledSource:
    """Samples polled one by one, each at its time; one whose time has passed is lost."""

    def __init__(self, device: Device) -> None:
        self.format = device.format
        self.close = device.close
        self._device = device
        self._raw = [channel.attrs["raw"] for channel in device.channels]
        self._began_s = time.monotonic()
        self._next = 0  # index of the next sample

    def read(self) -> Block:
        rows: list[list[float]] = []
        lost = 0
        end_s = time.monotonic() + POLLED_S
        try:
            while (now_s := time.monotonic()) < end_s:
                wait_s = self._began_s + self._next / self.format.rate_hz - now_s
                missed = math.floor(-wait_s * self.format.rate_hz)
                if missed > 0 and rows:
                    break  # they are lost before the next block
                if missed > 0:
                    self._next, lost = self._next + missed, lost + missed
                elif wait_s > 0:
                    time.sleep(min(wait_s, end_s - now_s))
                    if wait_s > end_s - now_s:
                        break
                rows.append([float(attribute.value) for attribute in self._raw])
                self._next += 1
        except OSError as error:
            raise SourceError(f"the device failed: {error.strerror}") from None
        raw = np.array(rows, np.float64).reshape(-1, self.format.channels)
        return Block(self._device.scaled(raw), lost)


def open_source(options: Options) -> BufferedSource | PolledSource:
    iio = _load()
    try:
        context = iio.Context(options.uri)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            expected = "local: or ip:HOST"
            raise ConfigError(f"uri: found {options.uri!r}, expected {expected}") from None
        raise SourceError(f"uri {options.uri}: cannot be opened: {error.strerror}") from None
    try:
        if options.uri != "local:":
            context.set_timeout(round(TIMEOUT_S * 1000))
        device = Device(context, options.device, options.inputs, options.rate_hz, options.mode)
        if not device.buffered:
            return PolledSource(device)
        return BufferedSource(iio, device, options.uri == "local:")
    except OSError as error:
        raise SourceError(f"{options.device}: cannot be opened: {error.strerror}") from None


def _load() -> Any:
    try:
        import iio
    except ImportError:
        raise UserError(f"kind: iio needs pylibiio: {extras.install('iio')}") from None
    except (OSError, AttributeError):  # the latter where its loader finds no library at all
        raise UserError("kind: iio needs the library libiio 0.x: apt install libiio0") from None
    return iio


def _values(channel: Any, buffer: Any) -> npt.NDArray[np.generic]:
    form = channel.data_format
    dtype = f"{'i' if form.is_signed else 'u'}{form.length // 8}"
    return np.frombuffer(channel.read(buffer), dtype)
