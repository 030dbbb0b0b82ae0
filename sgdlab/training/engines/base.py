"""What every engine offers: it executes segments of steps on the model's own parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData, Split
from sgdlab.training.losses import Scores, evaluate
from sgdlab.training.models import build_model
from sgdlab.training.sampling import Segment


@dataclass(frozen=True)
class DeviceSplit:
    """A split on the device, each row in the shape that the model takes.

    x: [rows, ...] float32; y: [rows] int64 or [rows, outputs] float32.
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Workload:
    """What an engine works on: the resolved config, the model with its weights, the data on the device."""

    config: Config
    model: nn.Module
    train: DeviceSplit
    validation: DeviceSplit | None
    test: DeviceSplit | None

    @property
    def device(self) -> torch.device:
        """Where parameters and data live."""
        return self.train.x.device


class Engine(ABC):
    """Executes steps. It changes the workload's model in place and keeps the optimiser's memory.

    name: the value of the config's key `engine`. cpu_only, one_thread: it works on the CPU alone, on
    one thread alone, whatever the machine has.
    """

    name: ClassVar[str]
    cpu_only: ClassVar[bool] = False
    one_thread: ClassVar[bool] = False

    def __init__(self, workload: Workload) -> None:
        self.workload = workload

    @classmethod
    def refusal(cls, config: Config) -> str | None:
        """Why this engine cannot run a config (device already resolved); None if it can."""
        if cls.cpu_only and config.device != "cpu":
            return f"it runs on the CPU only, not on {config.device}"
        if cls.one_thread and config.threads not in ("auto", 1):
            return f"it works on one thread, not on {config.threads}"
        return None

    @abstractmethod
    def run(self, segment: Segment) -> NDArray[np.float64]:
        """Execute the segment; the mean loss of each batch before its update, [steps].

        Returns once the device is done. After a non-finite loss the parameters mean nothing.
        """

    def evaluate(self, rows: DeviceSplit, between_chunks: Callable[[], None]) -> Scores:
        """Loss and accuracy over all rows with the parameters as they are, see losses.evaluate."""
        return evaluate(self.workload.model, self.workload.config.loss, rows.x, rows.y, between_chunks)

    @abstractmethod
    def optimizer_state(self) -> dict[str, Any]:
        """{"state": {i: {name: tensor}}}: the memory for parameter i, by torch.optim's names; copies."""

    @abstractmethod
    def load_optimizer_state(self, state: dict[str, Any]) -> None:
        """Take over what any engine's `optimizer_state` gave."""

    @classmethod
    def compile(cls) -> None:
        """Do once for this process what needs no workload; forked processes inherit it."""
        return

    def warm_up(self) -> None:  # noqa: B027  an engine without warm-up is a good engine
        """Do once what only the first step would pay for; changes no result."""


def aligned(rows: Tensor) -> Tensor:
    """`rows`, copied where they do not begin on a 64-byte boundary.

    The last bits of MKL's and cuBLAS's products depend on where their arguments begin in memory; by this
    they depend on the numbers alone.
    """
    return rows if rows.data_ptr() % 64 == 0 else rows.clone()


def build_workload(config: Config, data: PreparedData) -> Workload:
    """Build the model and put the data on the device of a resolved config."""
    device = torch.device(config.device)
    shape = config.model.row_shape(data.input_shape)
    model = build_model(config.model, data.input_shape, data.outputs, config.seed).to(device)

    def rows(split: Split | None) -> DeviceSplit | None:
        if split is None:
            return None
        x = torch.from_numpy(split.x).reshape(len(split), *shape)
        return DeviceSplit(aligned(x.to(device)), torch.from_numpy(split.y).to(device))

    train = rows(data.train)
    assert train is not None
    return Workload(config, model, train, rows(data.validation), rows(data.test))
