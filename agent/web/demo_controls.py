"""What can be turned on the page of a demonstration. The source thread reads what holds."""

from typing import Annotated, Literal

import msgspec

from agent.config.validation import convert
from agent.sources.machine_simulator import Fault

Noise = Literal["gaussian", "laplacian", "pink", "recording"]


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is mixed in, and how the simulated machine is."""

    version: int = 0  # counts changes
    noise: Noise = "gaussian"
    snr_db: Annotated[float, msgspec.Meta(ge=-30, le=60)] | None = None  # None: nothing mixed in
    machine: Fault = "normal"


class Controls:
    """The setting that holds. Replaced whole, so that it is read without a lock."""

    def __init__(self) -> None:
        self.setting = Setting()

    def turn(self, changes: object) -> Setting:
        """Takes over the keys given; `ConfigError`, one line, for what cannot be."""
        given = convert(changes, dict[str, object], "setting")
        version = self.setting.version + 1
        tree = msgspec.to_builtins(self.setting) | given | {"version": version}
        self.setting = convert(tree, Setting, "setting")
        return self.setting
