"""The processes that train one network, started by `torchrun` on one or more machines."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import distributed

from agent.core.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class ProcessGroup:
    """`rank` of `size` processes; only the first one (rank 0) prints and writes."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        return self.rank == 0

    def from_first(self, value: T) -> T:
        """The first process's value, in all of them; every process must call it."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, 0)
        return box[0]

    def from_all(self, value: T) -> list[T]:
        """The values of all processes, by rank; every process must call it."""
        if self.size == 1:
            return [value]
        box: list[T] = [value] * self.size
        distributed.all_gather_object(box, value)
        return box


SINGLE = ProcessGroup()


@contextmanager
def joined(device: str) -> Iterator[ProcessGroup]:
    """Joins the group; `device` is auto, cpu or cuda. Raises UserError where there is no GPU."""
    selected = _device(device)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup(device=selected)
        return
    distributed.init_process_group("nccl" if selected.type == "cuda" else "gloo")
    try:
        yield ProcessGroup(distributed.get_rank(), size, selected)
    finally:
        distributed.destroy_process_group()


def _device(name: str) -> torch.device:
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UserError(f"--device {name}: found no GPU that PyTorch can use, expected one")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device
