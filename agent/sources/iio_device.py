"""A device of the Linux IIO subsystem through libiio: channels, rate, scale and offset."""

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.errors import ConfigError
from agent.core.types import Format, Samples, SourceError

RATE = "sampling_frequency"

Values = npt.NDArray[np.float64]


class Device:
    """A device with its selected channels, their scale and offset, and its rate."""

    def __init__(
        self,
        context: Any,
        name: str,
        inputs: Sequence[str] | None,
        rate_hz: float | None,
        mode: str | None,
    ) -> None:
        """See `agent.sources.iio.Options`; `SourceError` where there is no such device (yet)."""
        self._context = context
        self.device = context.find_device(name)
        if self.device is None:
            names = ", ".join(device.name or device.id for device in context.devices) or "none"
            raise SourceError(f"found no {name!r} among the devices ({names})")
        self.channels = _select(self.device, inputs)
        buffered = all(channel.scan_element for channel in self.channels)
        if mode == "buffer" and not buffered:
            raise ConfigError(f"mode: found buffer, but the driver of {name} has none")
        self.buffered = buffered and mode != "polled"
        self.rate_hz = self._set_rate(name, rate_hz)
        self._scale = np.array([_number(channel, "scale", 1.0) for channel in self.channels])
        self._offset = np.array([_number(channel, "offset", 0.0) for channel in self.channels])

    @property
    def format(self) -> Format:
        channels, counted = len(self.channels), not self.buffered
        return Format(self.rate_hz, channels, self._full_scale(), live=True, counted=counted)

    def scaled(self, raw: Values) -> Samples:
        """Raw values [frames, channels] in the channels' unit."""
        return np.asarray((raw + self._offset) * self._scale, np.float32)

    def close(self) -> None:
        """Drops the device before its context: libiio crashes the other way round."""
        self.channels = []
        self.device = self._context = None

    def _full_scale(self) -> float | None:
        """The value at which the converter clips; None where channels or signs differ."""
        formats = {
            (channel.data_format.bits, channel.data_format.is_signed) for channel in self.channels
        }
        (bits, signed), *others = formats
        alike = not others and len(set(self._scale)) == 1 and not self._offset.any()
        if not (self.buffered and alike and signed and bits):
            return None
        return float(np.float32(abs(self._scale[0]) * (2 ** (bits - 1) - 1)))

    def _set_rate(self, name: str, rate_hz: float | None) -> float:
        """Sets the rate of a buffered device; returns the rate of the samples in Hz."""
        holders = [self.device, *self.channels]
        attribute = next((holder.attrs[RATE] for holder in holders if RATE in holder.attrs), None)
        if attribute is None or not self.buffered:
            current_hz = None if attribute is None else float(attribute.value)
            if rate_hz is None and current_hz is None:
                raise ConfigError(f"rate_hz: {name} has no {RATE}, expected the key")
            return rate_hz or current_hz or 0.0
        if rate_hz is not None:
            try:
                attribute.value = f"{rate_hz:.6f}".rstrip("0").rstrip(".")
            except OSError as error:
                found = f"{name} refuses {rate_hz:g} Hz"
                raise ConfigError(f"rate_hz: {found}: {error.strerror}") from None
        return float(attribute.value)


def _select(device: Any, ids: Sequence[str] | None) -> list[Any]:
    """The channels with those ids, in that order; `ConfigError` where the device has no such."""
    inputs = {
        channel.id: channel
        for channel in device.channels
        if not channel.output and channel.id != "timestamp"
    }
    for id in ids or ():
        if id not in inputs:
            expected = ", ".join(inputs)
            raise ConfigError(f"inputs: found {id!r}, expected of {device.name}: {expected}")
    selected = [inputs[id] for id in (ids or inputs)]
    if not selected:
        raise ConfigError(f"inputs: found none on {device.name}, expected at least one")
    return selected


def _number(channel: Any, attribute: str, absent: float) -> float:
    with contextlib.suppress(KeyError):
        return float(channel.attrs[attribute].value)
    return absent
