"""What every engine offers: it executes stretches of steps on the model's own parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sgdlab.config import Config
from sgdlab.data import Problem, Split
from sgdlab.losses import Scores, evaluate
from sgdlab.models import build_model, row_shape
from sgdlab.sampling import Stretch


@dataclass(frozen=True)
class Rows:
    """A split on the device, each row in the shape that the model takes.

    x: [rows, ...] float32; y: [rows] int64 or [rows, outputs] float32.
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Task:
    """One run made ready: resolved config, model with its weights, data on the device."""

    config: Config
    model: nn.Module
    train: Rows
    validation: Rows | None
    test: Rows | None

    @property
    def device(self) -> torch.device:
        """Where parameters and data live."""
        return self.train.x.device


class Engine(ABC):
    """Executes steps. It changes the task's model in place and keeps the optimiser's memory."""

    name: ClassVar[str]

    def __init__(self, task: Task) -> None:
        self.task = task

    @classmethod
    @abstractmethod
    def refusal(cls, config: Config) -> str | None:
        """Why this engine cannot run a config (device already resolved); None if it can."""

    @abstractmethod
    def run(self, stretch: Stretch) -> NDArray[np.float64]:
        """Execute the stretch; the mean loss of each batch before its update, [steps].

        Returns once the device is done. After a non-finite loss the parameters mean nothing.
        """

    def evaluate(self, rows: Rows, between_chunks: Callable[[], None]) -> Scores:
        """Loss and accuracy over all rows with the parameters as they are, see losses.evaluate."""
        return evaluate(self.task.model, self.task.config.loss, rows.x, rows.y, between_chunks)

    @abstractmethod
    def optimizer_state(self) -> dict[str, Any]:
        """{"state": {i: {name: tensor}}}: the memory for parameter i, by torch.optim's names; copies."""

    @abstractmethod
    def load_optimizer_state(self, state: dict[str, Any]) -> None:
        """Take over what any engine's `optimizer_state` gave."""

    @classmethod
    def make_ready(cls) -> None:
        """Do once for this process what needs no task, such as compiling; not every engine has to."""
        return

    def warm_up(self) -> None:  # noqa: B027  an engine without warm-up is a good engine
        """Do once what only the first step would pay for; changes no result."""


def aligned(rows: Tensor) -> Tensor:
    """`rows`, copied where they do not begin on a 64-byte boundary.

    The last bits of MKL's and cuBLAS's products depend on where their arguments begin in memory; by this
    they depend on the numbers alone.
    """
    return rows if rows.data_ptr() % 64 == 0 else rows.clone()


def prepare(config: Config, problem: Problem) -> Task:
    """Build the model and put the data on the device of a resolved config."""
    device = torch.device(config.device)
    shape = row_shape(config.model, problem.input_shape)
    model = build_model(config.model, problem.input_shape, problem.outputs, config.seed).to(device)

    def rows(split: Split | None) -> Rows | None:
        if split is None:
            return None
        x = torch.from_numpy(split.x).reshape(len(split), *shape)
        return Rows(aligned(x.to(device)), torch.from_numpy(split.y).to(device))

    train = rows(problem.train)
    assert train is not None
    return Task(config, model, train, rows(problem.validation), rows(problem.test))
