"""Rules that move a learning rate from batch size B to κB."""

from __future__ import annotations

import math
from dataclasses import dataclass

GOYAL_WARMUP_EPOCHS = 5.0


@dataclass(frozen=True)
class AdamSettings:
    """learning_rate > 0;  0 <= beta1, beta2 < 1;  eps >= 0."""

    learning_rate: float
    beta1: float
    beta2: float
    eps: float


@dataclass(frozen=True)
class LinearlyScaled:
    """The rate for κB and the epochs over which to rise to it from the old rate (0 where κ <= 1)."""

    learning_rate: float
    warmup_epochs: float


def linear_rule(learning_rate: float, from_batch: int, to_batch: int) -> LinearlyScaled:
    """η' = κη, reached over five epochs of warm-up from η; for SGD   (Goyal et al. 2017, 1706.02677)."""
    kappa = _kappa(learning_rate, from_batch, to_batch)
    return LinearlyScaled(kappa * learning_rate, GOYAL_WARMUP_EPOCHS if kappa > 1 else 0.0)


def sqrt_rule(learning_rate: float, from_batch: int, to_batch: int) -> float:
    """η' = √κ η   (Krizhevsky 2014, arXiv 1404.5997; Hoffer et al. 2017, arXiv 1705.08741)."""
    return math.sqrt(_kappa(learning_rate, from_batch, to_batch)) * learning_rate


def adam_rule(settings: AdamSettings, from_batch: int, to_batch: int) -> AdamSettings:
    """η' = √κ η;  1 − β' = κ(1 − β) for both β;  ε' = ε/√κ   (Malladi et al. 2022, arXiv 2205.10287).

    Raises ValueError where κ(1 − β) >= 1 leaves no average to take (β = 0.9: from κ = 10 on).
    """
    kappa = _kappa(settings.learning_rate, from_batch, to_batch)
    for name, beta in (("beta1", settings.beta1), ("beta2", settings.beta2)):
        if not 0 <= beta < 1:
            raise ValueError(f"{name} {beta}: must be at least 0 and below 1")
        if kappa * (1 - beta) >= 1 - 1e-12:
            raise ValueError(
                f"{name} {beta} cannot be moved from batch size {from_batch} to {to_batch}: "
                f"{kappa:g} (1 - {beta}) = {kappa * (1 - beta):.3g} is not below 1; "
                f"the rule reaches batch sizes below {from_batch / (1 - beta):.6g}"
            )
    return AdamSettings(
        learning_rate=math.sqrt(kappa) * settings.learning_rate,
        beta1=1 - kappa * (1 - settings.beta1),
        beta2=1 - kappa * (1 - settings.beta2),
        eps=settings.eps / math.sqrt(kappa),
    )


def _kappa(learning_rate: float, from_batch: int, to_batch: int) -> float:
    if from_batch < 1 or to_batch < 1:
        raise ValueError(f"batch sizes {from_batch} and {to_batch}: must be at least 1")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning rate {learning_rate}: must be finite and above 0")
    return to_batch / from_batch
