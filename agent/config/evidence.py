"""The section `evidence` of the configuration; its presence switches evidence on."""

from typing import Annotated

import msgspec

from agent.core.annotated import Mib

Seconds = Annotated[float, msgspec.Meta(ge=0, le=300)]


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    before_s: Seconds = 5.0  # of signal, up to the end of the window that detected the fault
    after_s: Seconds = 5.0
    audio: bool = True  # False: only a coarse spectrogram is kept, from which nobody is overheard
    max_mib: Mib = 100.0  # all files together
    min_free_mib: Annotated[float, msgspec.Meta(ge=0, le=2**20)] = (
        200.0  # of the disk, left to others
    )
