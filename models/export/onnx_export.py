"""Exports a checkpoint to ONNX: one graph from raw samples to probabilities, with its contract."""

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from agent.core import files
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
from models.networks.names import READ_RUNNING
from models.networks.standardize import standardize
from models.training.checkpoint import Checkpoint

OPSET = 20
MAX_BATCH = 4096  # windows: the bound that the exporter needs of the dynamic axis


class ExportedNetwork(nn.Module):
    """The module that the agent runs: standardization, network, temperature, softmax, SNR."""

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
        """samples [batch, channels, window] -> the tensors that `outputs` names.

        `running` [batch, 5] is passed where the network reads it.
        """
        features, alphas = self.network.features(standardize(samples), running)  # type: ignore[operator]
        logits = self.network.classifier(features).flatten(1)  # type: ignore[operator]
        results = [torch.softmax(logits / self.temperature, 1)]  # [batch, labels]
        if self.shrinks:
            results.append(alphas.mean(1))  # [batch]
        if self.noise_level is not None:
            results.append(10 * self.noise_level(features).flatten())  # [batch]
        elif self.snr is not None:
            results.append(self.snr(alphas[:, :, None, None]).flatten())  # [batch]
        if self.distance is not None:
            results.append(self.distance(features))  # [batch]
        return tuple(results)

    def outputs(self) -> list[str]:
        """The names of the graph's outputs, in order."""
        present = {
            PROBABILITIES: True,
            "shrinkage": self.shrinks,
            "snr_db": self.noise_level is not None or self.snr is not None,
            "distance": self.distance is not None,
        }
        return [name for name, is_present in present.items() if is_present]


def export(checkpoint: Checkpoint, path: Path, contract: Contract) -> None:
    """Writes the float network to `path`; batch norms that follow a convolution are folded."""
    recipe = checkpoint.recipe
    example = {INPUT: torch.zeros(2, recipe.channels, recipe.window)}
    if recipe.family in READ_RUNNING:
        example[RUNNING] = torch.zeros(2, RUNNING_WIDTH)
    module = ExportedNetwork(checkpoint).eval()
    program = torch.onnx.export(
        module,
        tuple(example.values()),
        input_names=list(example),
        output_names=module.outputs(),
        opset_version=OPSET,
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch", max=MAX_BATCH)},) * len(example),
        verbose=False,
    )
    assert program is not None
    write(program.model_proto, path, contract)


def write(model: onnx.ModelProto, path: Path, contract: Contract) -> None:
    """Writes the model with `contract` as its only metadata, whole or not at all."""
    _remove_origin(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, contract.to_json()
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, model.SerializeToString())


def _remove_origin(model: onnx.ModelProto) -> None:
    """Removes the exporter's stack traces: paths of this machine, a fifth of an INT8 file."""
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    for part in (model, graph, *graph.node, *graph.initializer, *values):
        del part.metadata_props[:]
        part.doc_string = ""


def contract_of(checkpoint: Checkpoint) -> Contract:
    """The contract of the exported file, without figures."""
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
        task=recipe.task,
        decide=recipe.decide,
        max_distance=checkpoint.max_distance,
        data=tuple(source.folder for source in recipe.data) + simulated,
        licence=recipe.licence,
    )
