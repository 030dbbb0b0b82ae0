"""About how long a run takes, for the order of a sweep's runs and for --dry-run."""

from sgdlab.config import Config
from sgdlab.data import Problem
from sgdlab.engine.select import step_flops
from sgdlab.optim import total_steps
from sgdlab.sampling import batch_plan

_FLOPS_PER_SECOND = 3e10  # what one ordinary core does on small matrices
_STEP_SECONDS = {"eager": 150e-6, "native": 1e-6}
_RUN_SECONDS = 0.05


def updates(config: Config, problem: Problem) -> int | None:
    """Updates of a run; None where the budget is in seconds."""
    return total_steps(config, batch_plan(config, len(problem.train)))


def estimated_seconds(config: Config, problem: Problem) -> float:
    """A rough forecast for one core: updates times (overhead + arithmetic), and the evaluations."""
    steps = updates(config, problem)
    if steps is None:
        return config.limit.amount + _RUN_SECONDS
    flops = step_flops(config, problem)
    rows = len(problem.train)
    batch = rows if config.batch_size.initial == "full" else config.batch_size.initial
    step_seconds = _STEP_SECONDS.get(config.engine, 150e-6) + flops / _FLOPS_PER_SECOND
    epochs = max(steps * batch / rows, 1.0)
    evaluation = flops / 3 / batch * rows * 1.25 / _FLOPS_PER_SECOND
    return _RUN_SECONDS + steps * step_seconds + epochs * evaluation
