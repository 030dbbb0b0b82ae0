"""Short trainings from the same weights on the same batches, at rates that the caller chooses; nothing is kept."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.training import generators
from sgdlab.training.engines.base import Workload, build_workload
from sgdlab.training.engines.select import build_engine
from sgdlab.training.sampling import BatchStream, Segment, batch_plan

CHUNK = 100
"""Steps between two looks at the loss: a training that is no longer finite ends there."""

Floats = NDArray[np.float64]


class RestartedTraining:
    """Trainings of one resolved config: its engine, its optimiser, its batch order, from its initial weights.

    The config's schedules of rate and batch size are left out.
    """

    def __init__(self, config: Config, data: PreparedData) -> None:
        torch.set_num_threads(int(config.threads))
        self.config = config
        self.workload: Workload = build_workload(config, data)
        """With the initial weights; trainings work on copies."""
        self._stream = BatchStream(batch_plan(config, len(data.train)))

    def losses_at(self, rates: Floats) -> Floats:
        """Loss of each batch before its update, [steps], the step s at rates[s]; NaN from the first
        non-finite one on."""
        workload = Workload(self.config, copy.deepcopy(self.workload.model), self.workload.train, None, None)
        engine = build_engine(workload)
        found = np.full(len(rates), np.nan)
        with generators.undisturbed(workload.device):
            generators.begin(self.config.seed, None, workload.device)
            for first in range(0, len(rates), CHUNK):
                last = min(first + CHUNK, len(rates))
                indices, offsets = self._stream.take(first, last)
                part = engine.run(Segment(indices, offsets, rates[first:last], first))
                undefined = np.flatnonzero(~np.isfinite(part))
                if len(undefined):
                    found[first : first + undefined[0]] = part[: undefined[0]]
                    break
                found[first:last] = part
        return found
