"""The reference engine: plain PyTorch, one update after the other."""

import copy
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from sgdlab.training.engines.base import Engine, Workload, aligned
from sgdlab.training.losses import loss_of
from sgdlab.training.sampling import Segment, batch_rows

GATHER_BYTES = 32 << 20
"""Rows are gathered for several steps at once, up to this much memory."""


class EagerEngine(Engine):
    """Minibatch SGD as PyTorch users write it, without waiting for the device inside a segment."""

    name: ClassVar[str] = "eager"

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        trained = [p for p in workload.model.parameters() if p.requires_grad]
        self.optimizer = workload.config.optimizer.build(trained, workload.config.learning_rate.initial)

    def run(self, segment: Segment) -> NDArray[np.float64]:
        """See Engine.run."""
        losses = torch.empty(len(segment), device=self.workload.device)
        step = 0
        while step < len(segment):
            last = self._gathered_until(segment, step)
            begin, end = int(segment.offsets[step]), int(segment.offsets[last])
            x, y = self._gather(segment.indices[begin:end])
            cuts = segment.offsets[step : last + 1] - begin
            for i in range(last - step):
                rate = float(segment.learning_rates[step + i])
                batch = slice(cuts[i], cuts[i + 1])
                losses[step + i] = self._update(aligned(x[batch]), y[batch], rate)
            step = last
        return losses.cpu().numpy().astype(np.float64)  # the copy waits for the device

    def _update(self, x: torch.Tensor, y: torch.Tensor, rate: float) -> torch.Tensor:
        """One step of minibatch SGD: w <- w - rate * (the optimiser's direction)."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss = loss_of(self.workload.config.loss, self.workload.model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def _gather(self, indices: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows in the order asked for; no copy where that is the order they stand in."""
        x, y = self.workload.train.x, self.workload.train.y
        if len(indices) == len(x) and indices[0] == 0 and np.array_equal(indices, np.arange(len(x))):
            return x, y
        chosen = torch.from_numpy(indices).to(self.workload.device)
        return x[chosen], y[chosen]

    def _gathered_until(self, segment: Segment, step: int) -> int:
        """The step up to which rows are gathered with those of `step`: at least one batch."""
        row_bytes = self.workload.train.x[0].numel() * 4
        most = segment.offsets[step] + max(GATHER_BYTES // row_bytes, 1)
        return max(int(np.searchsorted(segment.offsets, most, side="right")) - 1, step + 1)

    def optimizer_state(self) -> dict[str, Any]:
        """See Engine.optimizer_state."""
        return {"state": copy.deepcopy(self.optimizer.state_dict()["state"])}

    def load_optimizer_state(self, state: dict[str, Any]) -> None:
        """See Engine.load_optimizer_state."""
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["state"], "param_groups": groups})

    def warm_up(self) -> None:
        """Two steps on a copy of the model, so that the first real one pays for no initialisation."""
        spare = EagerEngine(replace(self.workload, model=copy.deepcopy(self.workload.model)))
        rows = batch_rows(self.workload.config.batch_size.initial, len(self.workload.train.x))
        with torch.random.fork_rng():
            for _ in range(2):
                spare._update(self.workload.train.x[:rows], self.workload.train.y[:rows], 0.0)


ENGINE = EagerEngine
