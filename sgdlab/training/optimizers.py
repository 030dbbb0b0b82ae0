"""Learning-rate schedules as pure functions of the step, and torch's optimisers by config."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sgdlab.config import Config, nearest
from sgdlab.config.schema import (
    Adam,
    CosineRate,
    ExponentialRate,
    InverseSqrtRate,
    OneCycleRate,
    OptimizerSection,
    RateSection,
    Sgd,
    StepRate,
    TorchOptimizer,
)
from sgdlab.errors import ConfigError
from sgdlab.training.sampling import BatchPlan

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class RateSchedule:
    """eta at every step: (section, batch plan, total steps of the budget) -> lr_at(step).

    total_steps: None where the budget is in seconds.
    """

    section: RateSection
    batches: BatchPlan
    total_steps: int | None

    def lr_at(self, step: int) -> float:
        """Learning rate of 0-based `step`."""
        return float(self.rates(step, step + 1)[0])

    def rates(self, first: int, last: int) -> NDArray[np.float64]:
        """Learning rates of steps first..last-1, [steps]."""
        if self.section.schedule == "constant" and self.section.warmup == 0:
            return np.full(last - first, self.section.initial)
        times = np.arange(first, last) if self.section.per == "step" else self.batches.epochs_of(first, last)
        # one call for each time and not numpy's cosine on all of them: its last bit may depend on the length
        distinct, place = np.unique(times, return_inverse=True)
        return np.array([_rate(self.section, t, self._horizon) for t in distinct.tolist()])[place]

    @cached_property
    def _horizon(self) -> float:
        """The end of the budget in the section's unit: epochs begun, or steps."""
        if not self.total_steps:
            return math.inf
        if self.section.per == "step":
            return self.total_steps
        return self.batches.epoch_of(self.total_steps - 1)[0] + 1


def _rate(section: RateSection, t: float, horizon: float) -> float:
    """eta(t). Warm-up: eta min((t + 1) / warmup, 1) for t < warmup; the schedule runs from its end on."""
    eta = section.initial
    if t < section.warmup:
        return eta * min((t + 1) / section.warmup, 1)
    t, horizon = t - section.warmup, horizon - section.warmup
    match section:
        case StepRate(every=every, factor=factor):
            return eta * _power(factor, t // every)
        case ExponentialRate(every=every, factor=factor):
            return eta * _power(factor, t / every)
        case CosineRate(final=final):
            return eta * _cosine(1.0, final, t / max(horizon, 1))
        case InverseSqrtRate(every=every):
            return eta / math.sqrt(1 + t / every)
        case OneCycleRate(rise=rise, start=start, final=final):
            peak = rise * max(horizon, 1)
            if t < peak:
                return eta * _cosine(start, 1.0, t / peak)
            return eta * _cosine(1.0, final, (t - peak) / max(horizon - peak, 1))
    return eta


def _power(base: float, exponent: float) -> float:
    """base ** exponent, infinite where a float cannot hold it."""
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def _cosine(first: float, last: float, share: float) -> float:
    """From `first` to `last` along half a cosine as `share` goes from 0 to 1."""
    return last + (first - last) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def build_optimizer(
    section: OptimizerSection, parameters: "list[torch.nn.Parameter]", rate: float
) -> "torch.optim.Optimizer":
    """The torch optimiser that a config names, fused where torch has it for these parameters.

    Raises ConfigError for a class that torch.optim has not, or options that it refuses.
    """
    import torch

    match section:
        case Sgd():
            kind, options = "SGD", section.model_dump(exclude={"name"})
        case Adam():
            kind = "Adam" if section.name == "adam" else "AdamW"
            options = section.model_dump(exclude={"name", "beta1", "beta2"})
            options["betas"] = (section.beta1, section.beta2)
        case TorchOptimizer():
            kind, options = section.name, dict(section.options)
        case _:
            kind = {"rmsprop": "RMSprop", "adagrad": "Adagrad"}[section.name]
            options = section.model_dump(exclude={"name"})
    cls = getattr(torch.optim, kind, None)
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)) or cls is torch.optim.Optimizer:
        known = [name for name in dir(torch.optim) if name[0].isupper() and name != "Optimizer"]
        raise ConfigError(f"optimizer.name: torch.optim has no class {kind!r}{nearest(kind, known)}")
    if _can_fuse(kind, parameters) and not options.keys() & {"fused", "foreach", "differentiable"}:
        options["fused"] = True
    try:
        optimizer = cls(parameters, lr=rate, **options)  # type: ignore[call-arg]
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"optimizer.options: torch.optim.{kind} refuses them: {error}") from None
    if isinstance(section, TorchOptimizer):
        _try_a_step(cls, options)
    return optimizer


def _try_a_step(kind: "type[torch.optim.Optimizer]", options: dict[str, Any]) -> None:
    """ConfigError for a class that steps by more than a dense gradient, as LBFGS and SparseAdam do."""
    import torch

    spare = torch.nn.Parameter(torch.zeros(2, 2))
    spare.grad = torch.zeros_like(spare)
    try:
        kind([spare], lr=0.0, **options).step()  # type: ignore[call-arg]
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"optimizer.name: torch.optim.{kind.__name__} takes no plain steps: {error}") from None


def _can_fuse(kind: str, parameters: "list[torch.nn.Parameter]") -> bool:
    on_known_device = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
    return on_known_device and kind in ("SGD", "Adam", "AdamW", "Adagrad")


def total_steps(config: Config, batches: BatchPlan) -> int | None:
    """Updates that the budget allows; None where it is in seconds."""
    limit = config.total_budget
    match limit.unit:
        case "epochs":
            return max(batches.steps_until(limit.amount), 1)
        case "steps":
            return int(limit.amount)
        case "examples":
            return batches.step_reaching(int(limit.amount))
    return None
