"""The peer: the loop that PyTorch users write, with a shuffled copy, slices and `.item()` in every step."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sgdlab.bench.timing import Sample, TimedTraining
from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.training.engines.base import Workload, build_workload
from sgdlab.training.losses import loss_of
from sgdlab.training.sampling import batch_plan

PLAIN = "plain loop"


def plain_step(workload: Workload, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
    """One update on a batch; its loss before."""
    loss = loss_of(workload.config.loss, workload.model(x), y)
    value = loss.item()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return value


def plain_loop(
    workload: Workload,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    steps: int,
    order: Callable[[int], Tensor] | None = None,
) -> float:
    """Train for so many steps; the sum of the batches' losses.

    order: rows of an epoch in the order they are seen (torch.randperm where None). Where the steps end
    within an epoch, only the rows that it reaches are copied.
    """
    x, y, total, epoch = workload.train.x, workload.train.y, 0.0, 0
    while steps > 0:
        shuffled = torch.randperm(len(x)) if order is None else order(epoch)
        shuffled = shuffled[: steps * batch_size]
        x_shuffled, y_shuffled = x[shuffled], y[shuffled]
        for p in range(0, len(shuffled), batch_size):
            batch = slice(p, p + batch_size)
            total += plain_step(workload, optimizer, x_shuffled[batch], y_shuffled[batch])
            steps -= 1
        epoch += 1
    return total


def plain_optimizer(config: Config, model: nn.Module) -> torch.optim.Optimizer:
    """torch's optimiser with its own defaults, as `torch.optim.Adam(model.parameters(), lr=rate)`: not fused."""
    optimizer = config.optimizer.build(list(model.parameters()), config.learning_rate.initial)
    for group in optimizer.param_groups:
        if "fused" in group:
            group["fused"] = None
    return optimizer


def plain_training(config: Config, data: PreparedData) -> TimedTraining:
    """The plain loop on a resolved config's model, data, loss and optimiser, at the initial learning rate.

    The clock includes the shuffled copies and every step; it excludes the model, the optimiser and two steps
    of warm-up on a copy. It reshuffles in every epoch and keeps its rate, whatever the config says.
    """
    batches = batch_plan(config, len(data.train))

    def run(steps: int) -> Sample:
        torch.set_num_threads(int(config.threads))
        with torch.random.fork_rng(devices=[]):
            for count in (2, steps):  # the first is warm-up
                workload = build_workload(config, data)
                optimizer = plain_optimizer(config, workload.model)
                started = time.perf_counter()
                plain_loop(workload, optimizer, batches.size_in(0), count)
                seconds = time.perf_counter() - started
        return Sample(seconds, steps, batches.examples_at(steps))

    return run
