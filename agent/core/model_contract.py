"""The contract of a model file: what its metadata say of its graph.

Graph: input `samples` float32 [batch, channels, window], raw, at `rate_hz`; everything from
standardization to softmax and temperature is inside. A graph may also read `running` float32
[batch, 5]: the shaft's speed in rpm and the bearing's BPFO, BPFI, BSF and FTF as orders of the
shaft, each 0 where it is not known. Outputs: `probabilities` float32
[batch, labels], and where the model has them `shrinkage` [batch] (mean threshold over mean
|x|), `snr_db` [batch] (estimated) and `distance` [batch] (of the embedding to the nearest
training class). The file's `metadata_props` hold one JSON under the key `drsn`: `Contract`.
"""

from typing import Annotated, Literal

import msgspec

from agent.core import json_input
from agent.core.annotated import Positive, PositiveInt, Share
from agent.core.errors import UserError

METADATA_KEY = "drsn"
SCHEMA = "drsn-model/1"
INPUT = "samples"
RUNNING = "running"
RUNNING_WIDTH = 5
PROBABILITIES = "probabilities"
NO_NETWORK = "none"  # the name that stands for no model
LEAST_RATE = 0.8  # of the model's rate: a source must have it, where the file says nothing else
Task = Literal["diagnosis", "detection"]
OPTIONAL_OUTPUTS = ("shrinkage", "snr_db", "distance")


class Decide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How windows become a decision; see `agent.diagnosis.decision`."""

    enter: Share = 0.8
    exit: Share = 0.5
    patience: PositiveInt = 3
    confidence: Share = 0.5
    smoothing: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.5


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """One released network, as its file describes it. Fields unknown here are ignored."""

    schema: str
    name: str
    version: str
    family: str
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    normal: tuple[str, ...]
    rate_hz: Positive
    window: Annotated[int, msgspec.Meta(ge=2)]
    channels: PositiveInt
    unit: str
    precision: Literal["float32", "int8", "int8-weights", "int8-full"]  # see `agent.variants`
    task: Task = "diagnosis"  # detection: labels are what is looked for, not what is wrong
    decide: Decide = Decide()
    max_distance: float | None = None  # beyond it a window is unlike all training data
    data: tuple[str, ...] = ()
    figures: dict[str, float] = {}
    licence: str = ""
    commit: str = ""
    min_rate_hz: float | None = None  # of a source; None: `LEAST_RATE` of `rate_hz`

    @property
    def least_rate_hz(self) -> float:
        """The rate below which a source lacks the band that the network needs."""
        return LEAST_RATE * self.rate_hz if self.min_rate_hz is None else self.min_rate_hz

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()


def parse(metadata: dict[str, str], file: str) -> Contract:
    """The contract in a model file's metadata; `UserError` where it has none, or a broken one."""
    text = metadata.get(METADATA_KEY)
    if text is None:
        raise UserError(
            f"{file}: found no '{METADATA_KEY}' metadata, "
            "expected a model made by `drsn-agent export`"
        )
    try:
        data = text.encode("utf-8", "replace")
        schema = json_input.decode(data, dict).get("schema")
        if schema != SCHEMA:
            raise UserError(f"{file}: found contract {schema!r}, expected {SCHEMA!r}")
        contract = json_input.decode(data, Contract)
    except json_input.JsonError as error:
        raise UserError(f"{file}: metadata '{METADATA_KEY}': {error}") from None
    unknown = [label for label in contract.normal if label not in contract.labels]
    if unknown or not contract.normal:
        found = ", ".join(unknown) or "none"
        labels = ", ".join(contract.labels)
        raise UserError(f"{file}: normal labels: found {found}, expected some of {labels}")
    return contract
