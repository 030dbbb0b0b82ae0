"""A config moved to another batch size by a rule of the literature, or its rate's decay turned into batch growth."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sgdlab.analysis.scaling_rules import GOYAL_WARMUP_EPOCHS, AdamSettings, adam_rule, linear_rule, sqrt_rule
from sgdlab.config import (
    Config,
    Document,
    build_config,
    locate,
    portable_values,
    set_key,
    set_value,
    without_grid,
    write_values,
)
from sgdlab.errors import ConfigError
from sgdlab.schema.optimizers.adam import Adam
from sgdlab.schema.optimizers.sgd import Sgd
from sgdlab.schema.schedules.falling import StepSchedule
from sgdlab.training.sampling import batch_rows

ScalingRule = Literal["linear", "sqrt", "adam", "growth"]
CITATIONS = {
    "linear": "η' = κη with warm-up (Goyal et al. 2017)",
    "sqrt": "η' = √κ η (Krizhevsky 2014; Hoffer et al. 2017)",
    "adam": "η' = √κ η, 1 − β' = κ(1 − β), ε' = ε/√κ (Malladi et al. 2022)",
    "growth": "the batch grows where the rate fell (Smith et al. 2018)",
}
WARMUP_SHARE = 0.25
"""Of a budget in epochs, warm-up takes at most this share."""


@dataclass(frozen=True)
class ScaledConfig:
    """The rewritten document, what became of it as a config, and the notes that belong at its head."""

    rule: ScalingRule
    document: Document
    config: Config
    notes: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """`batch 512, linear rule`."""
        size = self.config.batch_size
        grown = f" growing to {size.maximum}" if size.every is not None else ""
        return f"batch {size.initial}{grown}, {self.rule} rule"

    def yaml(self) -> str:
        """The file: notes as comments, then a config that loads."""
        head = "".join(f"# {note}\n" for note in self.notes)
        values = portable_values(self.document)
        return head + write_values(values)


def apply_scaling_rule(document: Document, rule: ScalingRule, to: int | None, rows: int) -> ScaledConfig:
    """`document` for batch size `to`; for growth `to` is the largest size (all rows where None).

    rows: of the training split; a full batch counts as so many. What the config counts in steps is divided
    by κ, so that both runs see the same examples. Raises ConfigError where the rule does not apply.
    """
    document = without_grid(copy.deepcopy(document))
    with locate(document):
        config = build_config(document)
        if rule == "growth":
            notes = _grow(document, config, to, rows)
        else:
            if to is None:
                raise ConfigError(f"--rule {rule}: needs the new batch size, as in --to 512")
            notes = _move(document, config, rule, to, rows)
    document = replace(document, origins={})
    return ScaledConfig(rule, document, build_config(document), notes)


def _move(document: Document, config: Config, rule: ScalingRule, to: int, rows: int) -> list[str]:
    size = config.batch_size
    if size.every is not None:
        raise ConfigError("batch_size.every: the batch grows during the run; scale a config with a fixed batch size")
    if not 1 <= to <= rows:
        raise ConfigError(f"--to {to}: must lie between 1 and the {rows:,} training rows")
    old = batch_rows(size.initial, rows)
    kappa = to / old
    notes = [f"batch size {old:,} -> {to:,} (κ = {kappa:.6g}), rule {rule}: {CITATIONS[rule]}"]
    try:
        match rule:
            case "linear":
                notes += _linear(document, config, old, to)
            case "sqrt":
                _set(document, "learning_rate.initial", sqrt_rule(config.learning_rate.initial, old, to))
                if not isinstance(config.optimizer, Sgd):
                    notes.append(
                        f"{config.optimizer.name}: its averages are left as they are; --rule adam moves them too"
                    )
            case _:
                _adam(document, config, old, to)
    except ValueError as error:
        raise ConfigError(f"--rule {rule}: {error}") from None
    set_key(document, "batch_size", to, "--to")
    return notes + _steps_divided(document, kappa)


def _linear(document: Document, config: Config, old: int, to: int) -> list[str]:
    """κη; warm-up where κ > 1, no shorter than one that the config has."""
    if not isinstance(config.optimizer, Sgd):
        raise ConfigError(f"--rule linear: is derived for sgd, not {config.optimizer.name}; use --rule adam or sqrt")
    rate, limit = config.learning_rate, config.total_budget
    moved = linear_rule(rate.initial, old, to)
    _set(document, "learning_rate.initial", moved.learning_rate)
    if moved.warmup_epochs == 0:
        return []
    if rate.per == "step":
        return [] if rate.warmup else ["the schedule counts steps: set learning_rate.warmup yourself"]
    epochs = moved.warmup_epochs
    if limit.unit == "epochs":
        epochs = min(epochs, max(float(math.floor(WARMUP_SHARE * limit.amount)), 0.0))
    if epochs <= rate.warmup:
        return [] if rate.warmup else [f"no warm-up: {limit} leave no room for one"]
    _set(document, "learning_rate.warmup", epochs)
    notes = [f"warm-up over {epochs:g} epochs, the rate rising from epoch to epoch"]
    if epochs < GOYAL_WARMUP_EPOCHS:
        notes[0] += f" (Goyal's {GOYAL_WARMUP_EPOCHS:g} cut to a quarter of {limit})"
    if rate.schedule != "constant":
        later = f"its changes come {epochs - rate.warmup:g} epochs later"
        notes.append(f"the {rate.schedule} schedule begins after the warm-up: {later}")
    return notes


def _adam(document: Document, config: Config, old: int, to: int) -> None:
    optimizer = config.optimizer
    if not isinstance(optimizer, Adam):
        other = "linear" if isinstance(optimizer, Sgd) else "sqrt"
        raise ConfigError(f"--rule adam: is for adam and adamw, not {optimizer.name}; use --rule {other}")
    settings = AdamSettings(config.learning_rate.initial, optimizer.beta1, optimizer.beta2, optimizer.eps)
    moved = adam_rule(settings, old, to)
    _set(document, "learning_rate.initial", moved.learning_rate)
    for key in ("beta1", "beta2", "eps"):
        _set(document, f"optimizer.{key}", getattr(moved, key))


def _steps_divided(document: Document, kappa: float) -> list[str]:
    """Whatever counts steps covers κ times the examples now: divide by κ, at least 1."""
    config = build_config(document)
    notes = []
    for key in ("budget", "evaluate_every", "checkpoint_every"):
        quantity = getattr(config, key)
        if quantity is not None and quantity.unit == "steps":
            steps = max(round(quantity.amount / kappa), 1)
            _set(document, key, f"{steps} steps")
            notes.append(f"{key}: {quantity} -> {steps} steps, the same examples")
    rate = config.learning_rate
    if rate.per == "step":
        for key in ("every", "warmup"):
            value = getattr(rate, key, 0)
            if value:
                steps = max(round(value / kappa), 1)
                _set(document, f"learning_rate.{key}", steps)
                notes.append(f"learning_rate.{key}: {value:g} -> {steps} steps, the same examples")
    return notes


def _grow(document: Document, config: Config, largest: int | None, rows: int) -> list[str]:
    """The step schedule's factor f becomes growth by 1/f at the same epochs, the rate constant."""
    rate, size = config.learning_rate, config.batch_size
    if not isinstance(rate, StepSchedule) or rate.factor >= 1:
        raise ConfigError(
            "--rule growth: turns a falling step schedule into growth; this config's learning_rate has none"
        )
    if size.initial == "full" or size.every is not None:
        raise ConfigError("--rule growth: needs a batch size that is a number and does not grow yet")
    if rate.per == "step" or rate.warmup:
        raise ConfigError(
            "--rule growth: the batch grows by whole epochs from the start; needs per: epoch and no warm-up"
        )
    factor = round(1 / rate.factor)
    if abs(factor * rate.factor - 1) > 1e-6:
        raise ConfigError(f"--rule growth: 1/{rate.factor:g} is no whole number, so the batch cannot grow by it")
    most = rows if largest is None else largest
    if not size.initial < most <= rows:
        raise ConfigError(
            f"--to {most}: the largest size must lie above {size.initial} and within the {rows:,} training rows"
        )
    growing: Mapping[str, Any] = {"initial": size.initial, "every": rate.every, "factor": factor, "maximum": most}
    set_value(document, "batch_size", dict(growing), "--rule growth")
    set_value(document, "learning_rate", {"initial": rate.initial}, "--rule growth")
    reached = math.ceil(math.log(most / size.initial) / math.log(factor) - 1e-9)
    every = f"every {rate.every} epochs" if rate.every > 1 else "every epoch"
    notes = [f"batch size x {factor} {every} up to {most:,}, rule growth: {CITATIONS['growth']}"]
    if config.total_budget.unit != "epochs" or config.total_budget.amount > reached * rate.every:
        notes.append(
            f"from epoch {reached * rate.every} on the batch has its largest size, and the rate stays "
            f"at {rate.initial:g} where the original's falls further"
        )
    return notes


def _set(document: Document, key: str, value: Any) -> None:
    """A rewritten number, rid of the last digits' rounding noise."""
    if isinstance(value, float):
        value = float(f"{value:.12g}")
    set_value(document, key, value, f"{key}={value}")
