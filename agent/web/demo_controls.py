"""The controls on the page of a demonstration; the source thread reads the current setting."""

from typing import Annotated, Literal

import msgspec

from agent.config.validation import convert
from agent.sources.machine_simulator import Fault

Noise = Literal["gaussian", "laplacian", "pink", "recording"]


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The noise that is mixed in, and the state of the simulated machine."""

    version: int = 0  # counts changes
    noise: Noise = "gaussian"
    snr_db: Annotated[float, msgspec.Meta(ge=-30, le=60)] | None = None  # None: no noise
    machine: Fault = "normal"


class Controls:
    """The current setting; it is replaced as a whole, so that it can be read without a lock."""

    def __init__(self) -> None:
        self.setting = Setting()

    def change(self, changes: object) -> Setting:
        """Changes the keys in `changes`; `ConfigError`, one line, for an invalid one."""
        values = convert(changes, dict[str, object], "setting")
        version = self.setting.version + 1
        tree = msgspec.to_builtins(self.setting) | values | {"version": version}
        self.setting = convert(tree, Setting, "setting")
        return self.setting
