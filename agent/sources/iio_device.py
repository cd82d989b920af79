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
    """A device with its chosen channels, how raw values are scaled, and at which rate it runs."""

    def __init__(
        self,
        context: Any,
        name: str,
        inputs: Sequence[str] | None,
        rate_hz: float | None,
        mode: str | None,
    ) -> None:
        """See `agent.sources.iio.Options`; `SourceError` where it is not (yet) there."""
        self._context = context
        self.device = context.find_device(name)
        if self.device is None:
            names = ", ".join(each.name or each.id for each in context.devices) or "none"
            raise SourceError(f"found no {name!r} among the devices ({names})")
        self.channels = _chosen(self.device, inputs)
        buffered = all(each.scan_element for each in self.channels)
        if mode == "buffer" and not buffered:
            raise ConfigError(f"mode: found buffer, but the driver of {name} has none")
        self.buffered = buffered and mode != "polled"
        self.rate_hz = self._set_rate(name, rate_hz)
        self._scale = np.array([_number(each, "scale", 1.0) for each in self.channels])
        self._offset = np.array([_number(each, "offset", 0.0) for each in self.channels])

    @property
    def format(self) -> Format:
        channels, counted = len(self.channels), not self.buffered
        return Format(self.rate_hz, channels, self._full_scale(), live=True, counted=counted)

    def scaled(self, raw: Values) -> Samples:
        """Raw values [frames, channels] in the channels' unit."""
        return np.asarray((raw + self._offset) * self._scale, np.float32)

    def close(self) -> None:
        """In this order: libiio does not survive a device that outlives its context."""
        self.channels = []
        self.device = self._context = None

    def _full_scale(self) -> float | None:
        """Where the converter clips, if that is known and the same for all and both signs."""
        formats = {(each.data_format.bits, each.data_format.is_signed) for each in self.channels}
        (bits, signed), *others = formats
        alike = not others and len(set(self._scale)) == 1 and not self._offset.any()
        if not (self.buffered and alike and signed and bits):
            return None
        return float(np.float32(abs(self._scale[0]) * (2 ** (bits - 1) - 1)))

    def _set_rate(self, name: str, wanted_hz: float | None) -> float:
        """The rate in Hz at which samples will come; a buffered device is set to it."""
        holders = [self.device, *self.channels]
        attribute = next((each.attrs[RATE] for each in holders if RATE in each.attrs), None)
        if attribute is None or not self.buffered:
            own = None if attribute is None else float(attribute.value)
            if wanted_hz is None and own is None:
                raise ConfigError(f"rate_hz: {name} has no {RATE}, expected the key")
            return wanted_hz or own or 0.0
        if wanted_hz is not None:
            try:
                attribute.value = f"{wanted_hz:.6f}".rstrip("0").rstrip(".")
            except OSError as error:
                found = f"{name} refuses {wanted_hz:g} Hz"
                raise ConfigError(f"rate_hz: {found}: {error.strerror}") from None
        return float(attribute.value)


def _chosen(device: Any, wanted: Sequence[str] | None) -> list[Any]:
    """The channels of those ids, in that order; `ConfigError` where the device has no such."""
    known = {
        each.id: each for each in device.channels if not each.output and each.id != "timestamp"
    }
    for each in wanted or ():
        if each not in known:
            expected = ", ".join(known)
            raise ConfigError(f"inputs: found {each!r}, expected of {device.name}: {expected}")
    found = [known[each] for each in (wanted or known)]
    if not found:
        raise ConfigError(f"inputs: found none on {device.name}, expected at least one")
    return found


def _number(channel: Any, attribute: str, absent: float) -> float:
    with contextlib.suppress(KeyError):
        return float(channel.attrs[attribute].value)
    return absent
