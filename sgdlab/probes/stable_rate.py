"""The largest stable learning rate of a config, by bisection over short trainings."""

import numpy as np
from numpy.typing import NDArray

from sgdlab.analysis.stable_rate import StableRate, largest_stable_rate
from sgdlab.probes.restarts import RestartedTraining
from sgdlab.schema.models.mlp import LinearModel
from sgdlab.schema.optimizers.sgd import Sgd
from sgdlab.training.engines.base import Workload

STEPS = 300
RATIO = 1.02
WINDOW = 6  # the last STEPS / WINDOW losses are averaged


def stable_rate(training: RestartedTraining, low: float, high: float, steps: int = STEPS) -> StableRate:
    """The rate up to which `steps` steps leave the smoothed loss no higher than at the initial weights.

    The last sixth of the losses is compared with those of the *initial* weights on the same batches: then
    batches that are harder than the first ones raise no false alarm at rates too small to move anything.
    """
    width = max(steps // WINDOW, 1)
    begun = training.losses_at(np.zeros(steps))[-width:].mean()

    def bounded(rate: float) -> bool:
        losses = training.losses_at(np.full(steps, rate))
        return bool(np.isfinite(losses).all() and losses[-width:].mean() <= begun)

    return largest_stable_rate(bounded, low, high, RATIO)


def quadratic_limit(workload: Workload) -> float | None:
    """2(1 + μ)/λmax for full-batch gradient descent on least squares; None for any other problem.

    λmax: the largest eigenvalue of the loss's Hessian, c [x 1]'[x 1]/N per output, c = 2/outputs for mse and
    1/outputs for half_mse, plus the weight decay.  μ: heavy-ball momentum (Polyak 1964).
    """
    config = workload.config
    least_squares = isinstance(config.model, LinearModel) and config.loss in ("mse", "half_mse")
    if not least_squares or not isinstance(config.optimizer, Sgd) or config.optimizer.nesterov:
        return None
    x: NDArray[np.float64] = workload.train.x.cpu().double().numpy().reshape(len(workload.train.x), -1)
    with_bias = np.hstack([x, np.ones((len(x), 1))])
    scale = (2 if config.loss == "mse" else 1) / int(np.prod(workload.train.y.shape[1:]))
    curvature = scale * float(np.linalg.eigvalsh(with_bias.T @ with_bias / len(x))[-1])
    largest = curvature + config.optimizer.weight_decay
    return 2 * (1 + config.optimizer.momentum) / largest if largest > 0 else None
