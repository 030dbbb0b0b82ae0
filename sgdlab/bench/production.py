"""A contender that is sgdlab itself: the production loop and engine, evaluation left out."""

import time
from collections.abc import Sequence

import numpy as np
import torch

from sgdlab.bench.timing import Sample, TimedTraining
from sgdlab.config import Budget, Config
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import EngineError, RunFailed
from sgdlab.schema.nearest import nearest
from sgdlab.training.engines.base import build_workload
from sgdlab.training.engines.select import ENGINES, build_engine
from sgdlab.training.loop import Position, Training, train
from sgdlab.training.resolve import resolve


class Unmeasured(Training):
    """A run without evaluations; its segments end where they would stand."""

    def record_due(self, before: int) -> bool:
        """Never; what a record would have used up is forgotten."""
        self.position.pending, self.position.pending_sizes = np.empty(0), np.empty(0, np.int64)
        return False


def production(config: Config, data: PreparedData) -> TimedTraining:
    """Train a resolved config by its engine and threads, always from its initial weights.

    The clock includes all that `train_seconds` of a run includes (batch order, learning rates, the engine's
    steps) and the loop around it. It excludes data, model, engine and its warm-up.
    """

    def run(steps: int) -> Sample:
        torch.set_num_threads(int(config.threads))
        limited = config.model_copy(update={"budget": Budget(steps, "steps"), "epochs": None, "stop_at": None})
        workload = build_workload(limited, data)
        training = Unmeasured(workload, build_engine(workload), Position(due=False))  # no row 0
        with torch.random.fork_rng(devices=[]):
            training.engine.warm_up()
            started = time.perf_counter()
            for _ in train(training):
                pass
            seconds = time.perf_counter() - started
        position = training.position
        if position.diverged_at is not None:
            raise RunFailed(
                f"{config.engine}, batch size {config.batch_size.initial}: the loss was no longer finite at step "
                f"{position.diverged_at}; lower the rate: --set learning_rate={config.learning_rate.initial / 10:g}"
            )
        return Sample(seconds, position.step, training.batches.examples_at(position.step))

    return run


def engine_configs(
    config: Config, data: PreparedData, wanted: Sequence[str] | None = None
) -> tuple[dict[str, Config], list[str]]:
    """Name -> resolved config for each engine that can run it, and for those that cannot the reason.

    wanted: names, or auto; all engines where None. EngineError for an unknown name, or one that refuses.
    """
    known = ["auto", *ENGINES]
    for name in wanted or ():
        if name not in known:
            raise EngineError(f"--engines {name}: there is no such engine{nearest(name, known)}")
    configs, refusals = {}, []
    for name in wanted or ENGINES:
        try:
            configs[name] = resolve(config.model_copy(update={"engine": name}), data).config
        except EngineError as error:
            if wanted:
                raise
            refusals.append(str(error).removeprefix("engine: "))
    return configs, refusals
