"""Checkpoint -> ONNX: from raw samples to probabilities in one graph, with its contract inside."""

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from agent.core.model_contract import (
    INPUT,
    METADATA_KEY,
    PROBABILITIES,
    RUNNING,
    RUNNING_WIDTH,
    SCHEMA,
    Contract,
)
from models.networks.distance import Distance
from models.networks.registry import READ_RUNNING
from models.networks.standardize import standardize
from models.training.checkpoint import Checkpoint

OPSET = 20
MOST_WINDOWS = 4096  # the largest batch that the exporter is told of


class Released(nn.Module):
    """What the agent runs: standardization, network, temperature, softmax, estimated SNR."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.shrinks = checkpoint.snr is not None
        self.network = checkpoint.network
        self.temperature = checkpoint.temperature
        self.snr: nn.Conv2d | None = None
        self.noise_level = dict(checkpoint.network.named_children()).get("noise_level")
        if checkpoint.snr:
            self.snr = nn.Conv2d(len(checkpoint.snr.weight), 1, 1)
            self.snr.weight.data = torch.tensor(checkpoint.snr.weight).reshape(1, -1, 1, 1)
            self.snr.bias.data = torch.tensor([checkpoint.snr.bias])  # type: ignore[union-attr]
        self.distance = None if checkpoint.near is None else Distance(checkpoint.near)

    def forward(self, samples: Tensor, running: Tensor | None = None) -> tuple[Tensor, ...]:
        """[batch, channels, window] -> probabilities [batch, labels], and what of `outputs` it has.

        `running` [batch, 5], where the network reads it.
        """
        features, alphas = self.network.features(standardize(samples), running)  # type: ignore[operator]
        logits = self.network.classifier(features).flatten(1)  # type: ignore[operator]
        found = [torch.softmax(logits / self.temperature, 1)]
        if self.shrinks:
            found.append(alphas.mean(1))  # [batch]
        if self.noise_level is not None:
            found.append(10 * self.noise_level(features).flatten())  # [batch]
        elif self.snr is not None:
            found.append(self.snr(alphas[:, :, None, None]).flatten())  # [batch]
        if self.distance is not None:
            found.append(self.distance(features))  # [batch]
        return tuple(found)

    def outputs(self) -> list[str]:
        """What the graph gives, in its order."""
        has = {
            PROBABILITIES: True,
            "shrinkage": self.shrinks,
            "snr_db": self.noise_level is not None or self.snr is not None,
            "distance": self.distance is not None,
        }
        return [name for name, given in has.items() if given]


def export(checkpoint: Checkpoint, path: Path, contract: Contract) -> None:
    """Writes the float network to `path`; batch norms are folded where they follow a conv."""
    recipe = checkpoint.recipe
    example = {INPUT: torch.zeros(2, recipe.channels, recipe.window)}
    if recipe.family in READ_RUNNING:
        example[RUNNING] = torch.zeros(2, RUNNING_WIDTH)
    released = Released(checkpoint).eval()
    program = torch.onnx.export(
        released,
        tuple(example.values()),
        input_names=list(example),
        output_names=released.outputs(),
        opset_version=OPSET,
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch", max=MOST_WINDOWS)},) * len(example),
        verbose=False,
    )
    assert program is not None
    write(program.model_proto, path, contract)


def write(model: onnx.ModelProto, path: Path, contract: Contract) -> None:
    """The model with that contract in its metadata and nothing else there, whole or not at all."""
    _forget_origin(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, contract.to_json()
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(model.SerializeToString())
    part.replace(path)


def _forget_origin(model: onnx.ModelProto) -> None:
    """Takes out the exporter's stack traces: paths of this machine, a fifth of an INT8 file."""
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    for part in (model, graph, *graph.node, *graph.initializer, *values):
        del part.metadata_props[:]
        part.doc_string = ""


def contract_of(checkpoint: Checkpoint) -> Contract:
    """What the exported file says of itself, before anything was measured."""
    recipe = checkpoint.recipe
    simulated = ("simulated machines",) if recipe.simulated else ()
    return Contract(
        schema=SCHEMA,
        name=recipe.name,
        version=recipe.version,
        family=recipe.family,
        labels=recipe.labels,
        normal=recipe.normal,
        rate_hz=recipe.rate_hz,
        window=recipe.window,
        channels=recipe.channels,
        unit=recipe.unit,
        precision="float32",
        decide=recipe.decide,
        max_distance=checkpoint.max_distance,
        data=tuple(source.folder for source in recipe.data) + simulated,
        licence=recipe.licence,
    )
