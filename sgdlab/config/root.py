"""The config of one run, whole: its sections and what must fit together between them."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator, model_validator

import sgdlab.data.sources
import sgdlab.schema.models
import sgdlab.schema.optimizers
import sgdlab.schema.schedules  # noqa: F401  with the imports above: their members register themselves
from sgdlab.data.sources.mnist_10k import Mnist10k
from sgdlab.schema.batch_size import BatchSize
from sgdlab.schema.dataset import SOURCES, Dataset
from sgdlab.schema.models.base import MODELS, Model
from sgdlab.schema.models.initial_weights import INITIAL_WEIGHTS
from sgdlab.schema.models.mlp import MlpModel
from sgdlab.schema.optimizers.adam import Adam
from sgdlab.schema.optimizers.base import OPTIMIZERS, Optimizer
from sgdlab.schema.quantities import Budget, Period, StopRule
from sgdlab.schema.registry import Registry
from sgdlab.schema.schedules.base import SCHEDULES, Schedule
from sgdlab.schema.schedules.constant import ConstantSchedule
from sgdlab.schema.section import Positive, Section, count_or

REGISTRIES: dict[str, Registry[Any]] = {
    "dataset": SOURCES,
    "model": MODELS,
    "init": INITIAL_WEIGHTS,
    "optimizer": OPTIMIZERS,
    "learning_rate": SCHEDULES,
}
"""Sections whose members register themselves."""

SHORT_KEYS = {section: registry.key for section, registry in REGISTRIES.items()}
SHORT_KEYS |= {"learning_rate": "initial", "batch_size": "initial"}
"""Sections that may be written as one short value, and the key that this value stands for."""


class Config(Section):
    """One run, whole. Sections are given as mappings here; the loader promotes short names."""

    dataset: SerializeAsAny[Dataset] = Field(default_factory=lambda: Mnist10k(name="mnist-10k"), description="the rows")
    model: SerializeAsAny[Model] = Field(default_factory=lambda: MlpModel(name="mlp"), description="the network")
    loss: Literal["auto", "cross_entropy", "mse", "half_mse"] = Field(
        "auto", description="cross_entropy for classes, else mse"
    )
    optimizer: SerializeAsAny[Optimizer] = Field(
        default_factory=lambda: Adam(name="adam"), description="the update rule"
    )
    learning_rate: SerializeAsAny[Schedule] = Field(
        default_factory=ConstantSchedule, description="the rate and its schedule"
    )
    batch_size: BatchSize = Field(default_factory=BatchSize, description="examples per update")
    sampling: Literal["shuffle", "replacement", "fixed"] = Field(
        "shuffle", description="order of the rows: new each epoch, drawn with replacement, as they stand"
    )
    epochs: Positive | None = Field(None, description="budget in passes over the training rows")
    budget: Budget | None = Field(None, description='instead of epochs: "20000 steps" or "30 seconds"')
    stop_at: StopRule | None = Field(None, description='stop once reached, as "val_loss=0.25"')
    evaluate_every: Period = Field(
        default_factory=lambda: Period(1, "epochs"), description='time between evaluations: "1 epoch", "200 examples"'
    )
    checkpoint_every: Period = Field(
        default_factory=lambda: Period(10, "seconds"), description='time between checkpoints: "10 seconds"'
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps")
    engine: Literal["auto", "eager", "native"] = Field("auto", description="what executes the steps")
    threads: Annotated[Annotated[int, Field(ge=1, le=1024)] | Literal["auto"], count_or("auto", 1024)] = Field(
        "auto", description="threads of one run"
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(0, description="seed of all random streams")

    @field_validator("dataset", "model", "optimizer", "learning_rate", mode="before")
    @classmethod
    def _read_member(cls, value: Any, info: ValidationInfo) -> Section:
        section: Section = REGISTRIES[str(info.field_name)].read(value)
        return section

    @model_validator(mode="after")
    def _parts_fit_together(self) -> "Config":
        faults = list(_conflicts(self))
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def total_budget(self) -> Budget:
        """The budget, whichever way it was written."""
        return self.budget if self.budget is not None else Budget(self.epochs or 0, "epochs")


def _conflicts(config: Config) -> Iterator[str]:
    """Combinations that no run could make sense of."""
    if (config.epochs is None) == (config.budget is None):
        yield "give either epochs or budget, exactly one of them"
    if config.learning_rate.needs_horizon and config.budget is not None and config.budget.unit == "seconds":
        yield f"a budget in seconds has no known end for the {config.learning_rate.schedule} schedule; use epochs"
    if config.model.output == "softmax" and config.loss in ("mse", "half_mse"):
        yield f"model.output softmax does not go with the regression loss {config.loss}; use output: logits"
    if config.engine == "native" and config.device not in ("auto", "cpu"):
        yield f"engine native runs on the CPU only; use device: cpu (here {config.device})"
