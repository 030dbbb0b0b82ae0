"""About how long a run takes, for the order of a sweep's runs and for --dry-run."""

from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.training.engines.select import step_flops
from sgdlab.training.sampling import batch_plan, batch_rows
from sgdlab.training.schedules import total_steps

_FLOPS_PER_SECOND = 3e10  # what one ordinary core does on small matrices
_STEP_SECONDS = {"eager": 150e-6, "native": 1e-6}
_RUN_SECONDS = 0.05


def updates(config: Config, data: PreparedData) -> int | None:
    """Updates of a run; None where the budget is in seconds."""
    return total_steps(config, batch_plan(config, len(data.train)))


def estimated_seconds(config: Config, data: PreparedData) -> float:
    """A rough forecast for one core: updates times (overhead + arithmetic), and the evaluations."""
    steps = updates(config, data)
    if steps is None:
        return config.total_budget.amount + _RUN_SECONDS
    flops = step_flops(config, data)
    rows = len(data.train)
    batch = batch_rows(config.batch_size.initial, rows)
    step_seconds = _STEP_SECONDS.get(config.engine, 150e-6) + flops / _FLOPS_PER_SECOND
    epochs = max(steps * batch / rows, 1.0)
    evaluation = flops / 3 / batch * rows * 1.25 / _FLOPS_PER_SECOND
    return _RUN_SECONDS + steps * step_seconds + epochs * evaluation
