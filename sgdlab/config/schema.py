"""The config's sections as frozen pydantic models: names, types, ranges, defaults."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from sgdlab.config.quantities import Budget, Period, StopRule

TORCH_CLASS = re.compile(r"^[A-Z]\w*$")
REFERENCE = re.compile(r"^[^:\s][^:]*(?::[\\/][^:]*)?:[A-Za-z_]\w*$")
"""`module:name` or `path/file.py:name`; a Windows drive may stand before the path."""

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Base of every section: immutable, strict about types, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


# --- dataset ------------------------------------------------------------------------------------


class Dataset(Section):
    """What every source shares: the steps after loading, in the order in which they are taken."""

    whiten: bool = Field(False, description="mean 0, variance 1 per column over the whole table, before limit")
    limit: Count | None = Field(None, description="keep the first rows only")
    resample: Literal["none", "bootstrap"] = Field(
        "none", description="bootstrap draws the rows with replacement before the split, which leaks"
    )
    validation: Fraction = Field(0.2, description="share of the rows held out for validation")
    test: Fraction = Field(0.0, description="share of the rows held out and measured once, at the end")
    repeat: Count = Field(1, description="how often every training row stands in the training set")
    standardize: bool = Field(False, description="mean 0, variance 1, fitted on the training rows")

    @model_validator(mode="after")
    def _rows_are_left_for_training(self) -> "Dataset":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave no row for training; their sum must be below 1")
        return self


class ImageDataset(Dataset):
    """Handwritten digits or clothes: images of 28x28 grey values, ten classes."""

    name: Literal["mnist-10k", "mnist", "fashion-mnist"]


class AirfoilDataset(Dataset):
    """NASA's airfoil self-noise: 1,503 rows, 5 features, one target; the twin has its moments."""

    name: Literal["airfoil", "airfoil-twin"]
    standardize: bool = True


class TableDataset(Dataset):
    """What files of the user's own share."""

    path: str = Field(min_length=1)
    task: Literal["auto", "classification", "regression"] = "auto"
    missing: Literal["error", "drop", "mean"] = Field("error", description="what to do with missing cells")
    standardize: bool = True


class CsvDataset(TableDataset):
    """A CSV file with a header line."""

    name: Literal["csv"]
    target: str = Field(description="name of the column to predict")
    ignore: tuple[str, ...] = Field((), strict=False, description="columns that are neither feature nor target")
    categorical: tuple[str, ...] = Field(
        (), strict=False, description="columns whose cells are categories even where they look like numbers"
    )
    delimiter: str = Field(",", min_length=1, max_length=1)


class NpzDataset(TableDataset):
    """A numpy archive with an array of features and one of targets."""

    name: Literal["npz"]
    features: str = Field("x", description="the array [rows, ...] of features")
    target: str = Field("y", description="the array [rows] or [rows, outputs] of targets")


class FunctionDataset(Dataset):
    """A function of the user's own that returns (features, targets)."""

    name: str = Field(pattern=REFERENCE.pattern, description="module:function or path/file.py:function")
    options: dict[str, Any] = Field(default_factory=dict, description="keyword arguments for the function")
    task: Literal["auto", "classification", "regression"] = "auto"
    missing: Literal["error", "drop", "mean"] = "error"


# --- model --------------------------------------------------------------------------------------

Activation = Literal["relu", "tanh", "sigmoid", "gelu"]
Output = Literal["logits", "softmax"]


class TorchInit(Section):
    """The initial weights that torch's own layers draw."""

    name: Literal["torch"] = "torch"


class NormalInit(Section):
    """Weights from N(0, std²); biases zero, or as torch's layers draw them."""

    name: Literal["normal"] = "normal"
    std: Positive = 0.01
    bias: Literal["zero", "torch"] = "zero"


Init = Annotated[TorchInit | NormalInit, Field(discriminator="name")]


class Model(Section):
    """What the built-in models share."""

    init: Init = Field(default_factory=TorchInit)
    output: Output = Field("logits", description="softmax ends the network in probabilities")


class LinearModel(Model):
    """One linear layer."""

    name: Literal["linear"]


class MlpModel(Model):
    """Linear layers with an activation between them."""

    name: Literal["mlp"]
    hidden: tuple[Count, ...] = Field((50,), strict=False, description="width of each hidden layer")
    activation: Activation = "relu"


class CnnModel(Model):
    """3x3 convolutions, each with activation and 2x2 max-pooling, then one linear layer."""

    name: Literal["cnn"]
    channels: tuple[Count, ...] = Field((16, 32), strict=False, min_length=1)
    activation: Activation = "relu"


class ModuleModel(Section):
    """A torch module class of the user's own, or a function that returns a module."""

    name: str = Field(pattern=REFERENCE.pattern, description="module:Class or path/file.py:function")
    options: dict[str, Any] = Field(default_factory=dict, description="keyword arguments for it")
    input: Literal["natural", "flat"] = Field("natural", description="flat: every row as one vector")
    output: Output = Field("logits", description="what the module returns")


# --- optimiser ----------------------------------------------------------------------------------

Beta = Annotated[float, Field(ge=0, lt=1)]


class Sgd(Section):
    """Stochastic gradient descent, torch.optim.SGD."""

    name: Literal["sgd"]
    momentum: Fraction = 0.0
    nesterov: bool = False
    weight_decay: NonNegative = 0.0

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum above 0; set momentum: 0.9")
        return self


class Adam(Section):
    """Adam, or with decoupled weight decay AdamW."""

    name: Literal["adam", "adamw"]
    beta1: Beta = 0.9
    beta2: Beta = 0.999
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.0


class Rmsprop(Section):
    """torch.optim.RMSprop."""

    name: Literal["rmsprop"]
    alpha: Beta = 0.99
    eps: Positive = 1e-8
    momentum: Fraction = 0.0
    weight_decay: NonNegative = 0.0


class Adagrad(Section):
    """torch.optim.Adagrad."""

    name: Literal["adagrad"]
    eps: Positive = 1e-10
    weight_decay: NonNegative = 0.0


class TorchOptimizer(Section):
    """Any class of torch.optim by its name; `options` are its keyword arguments but lr."""

    name: str = Field(pattern=TORCH_CLASS.pattern)
    options: dict[str, Any] = Field(default_factory=dict)


# --- learning rate and batch size ---------------------------------------------------------------


class Rate(Section):
    """What every schedule shares. `every` and `warmup` count epochs, or steps where per is step."""

    initial: NonNegative = Field(0.001, description="the rate after warm-up; of one-cycle the peak")
    warmup: NonNegative = Field(0.0, description="linear rise from 0 over so many epochs or steps")
    per: Literal["epoch", "step"] = Field("epoch", description="when the rate changes, and what every counts")


class ConstantRate(Rate):
    """eta_t = eta."""

    schedule: Literal["constant"] = "constant"


class StepRate(Rate):
    """eta_t = eta * factor^floor(t / every)."""

    schedule: Literal["step"]
    every: Count = 1
    factor: Positive = 0.1


class ExponentialRate(Rate):
    """eta_t = eta * factor^(t / every)."""

    schedule: Literal["exponential"]
    every: Count = 1
    factor: Positive = 0.9


class CosineRate(Rate):
    """eta_t falls from eta to final * eta along half a cosine over the budget."""

    schedule: Literal["cosine"]
    final: Fraction = Field(0.0, description="rate at the end, as a share of the initial one")


class InverseSqrtRate(Rate):
    """eta_t = eta / sqrt(1 + t / every)."""

    schedule: Literal["inverse-sqrt"]
    every: Count = 1


class OneCycleRate(Rate):
    """Cosine up from eta * start over the share `rise` of the budget, cosine down to eta * final."""

    schedule: Literal["one-cycle"]
    rise: Annotated[float, Field(gt=0, lt=1)] = 0.3
    start: Fraction = 0.04
    final: Fraction = 0.0001


class BatchSize(Section):
    """Examples per update; multiplied by `factor` every `every` epochs where growth is wanted."""

    initial: Count | Literal["full"] = 64
    every: Count | None = Field(None, description="epochs between two growths")
    factor: Annotated[int, Field(ge=2)] = 2
    maximum: Count | None = Field(None, description="largest batch size that growth reaches")

    @model_validator(mode="after")
    def _full_cannot_grow(self) -> "BatchSize":
        if self.initial == "full" and self.every is not None:
            raise ValueError("a full batch cannot grow; give a number as batch_size.initial or drop every")
        return self


# --- the whole ----------------------------------------------------------------------------------

SHORT_KEYS = {
    "dataset": "name",
    "model": "name",
    "init": "name",
    "optimizer": "name",
    "learning_rate": "initial",
    "batch_size": "initial",
}
"""Sections that may be written as one short value, and the key that this value stands for."""

MEMBERS: dict[str, dict[str, str]] = {
    "dataset": {
        **dict.fromkeys(("mnist-10k", "mnist", "fashion-mnist"), "images"),
        **dict.fromkeys(("airfoil", "airfoil-twin"), "airfoil"),
        "csv": "csv",
        "npz": "npz",
    },
    "model": {"linear": "linear", "mlp": "mlp", "cnn": "cnn"},
    "optimizer": {"sgd": "sgd", "adam": "adam", "adamw": "adam", "rmsprop": "rmsprop", "adagrad": "adagrad"},
    "learning_rate": {
        name: name for name in ("constant", "step", "exponential", "cosine", "inverse-sqrt", "one-cycle")
    },
}
"""For each section the names it knows, and the tag of the union member that takes them."""


def _member(section: str, key: str, open_ended: re.Pattern[str] | None, default: str | None = None) -> Discriminator:
    """Pick a union member by `key`; names that match `open_ended` are the user's own (tag "own")."""

    def choose(value: Any) -> str | None:
        name = value.get(key, default) if isinstance(value, dict) else getattr(value, key, default)
        if not isinstance(name, str):
            return None
        own = open_ended is not None and open_ended.match(name)
        return MEMBERS[section].get(name, "own" if own else None)

    return Discriminator(choose)


DatasetSection = Annotated[
    Annotated[ImageDataset, Tag("images")]
    | Annotated[AirfoilDataset, Tag("airfoil")]
    | Annotated[CsvDataset, Tag("csv")]
    | Annotated[NpzDataset, Tag("npz")]
    | Annotated[FunctionDataset, Tag("own")],
    _member("dataset", "name", REFERENCE),
]
ModelSection = Annotated[
    Annotated[LinearModel, Tag("linear")]
    | Annotated[MlpModel, Tag("mlp")]
    | Annotated[CnnModel, Tag("cnn")]
    | Annotated[ModuleModel, Tag("own")],
    _member("model", "name", REFERENCE),
]
OptimizerSection = Annotated[
    Annotated[Sgd, Tag("sgd")]
    | Annotated[Adam, Tag("adam")]
    | Annotated[Rmsprop, Tag("rmsprop")]
    | Annotated[Adagrad, Tag("adagrad")]
    | Annotated[TorchOptimizer, Tag("own")],
    _member("optimizer", "name", TORCH_CLASS),
]
RateSection = Annotated[
    Annotated[ConstantRate, Tag("constant")]
    | Annotated[StepRate, Tag("step")]
    | Annotated[ExponentialRate, Tag("exponential")]
    | Annotated[CosineRate, Tag("cosine")]
    | Annotated[InverseSqrtRate, Tag("inverse-sqrt")]
    | Annotated[OneCycleRate, Tag("one-cycle")],
    _member("learning_rate", "schedule", None, default="constant"),
]


class Config(Section):
    """One run, whole. Sections are given as mappings here; the loader promotes short names."""

    dataset: DatasetSection = Field(default_factory=lambda: ImageDataset(name="mnist-10k"))
    model: ModelSection = Field(default_factory=lambda: MlpModel(name="mlp"))
    loss: Literal["auto", "cross_entropy", "mse", "half_mse"] = "auto"
    optimizer: OptimizerSection = Field(default_factory=lambda: Adam(name="adam"))
    learning_rate: RateSection = Field(default_factory=ConstantRate)
    batch_size: BatchSize = Field(default_factory=BatchSize)
    sampling: Literal["shuffle", "replacement", "fixed"] = Field(
        "shuffle", description="order of the rows: new each epoch, drawn with replacement, as they stand"
    )
    epochs: Positive | None = Field(None, description="budget in passes over the training rows")
    budget: Budget | None = Field(None, description='instead of epochs: "20000 steps" or "30 seconds"')
    stop_at: StopRule | None = Field(None, description='stop once reached, as "val_loss=0.25"')
    evaluate_every: Period = Field(default_factory=lambda: Period(1, "epochs"))
    checkpoint_every: Period = Field(default_factory=lambda: Period(10, "seconds"))
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    engine: Literal["auto", "eager", "native"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

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
    horizon = isinstance(config.learning_rate, CosineRate | OneCycleRate)
    if horizon and config.budget is not None and config.budget.unit == "seconds":
        yield f"a budget in seconds has no known end for the {config.learning_rate.schedule} schedule; use epochs"
    if config.model.output == "softmax" and config.loss in ("mse", "half_mse"):
        yield f"model.output softmax does not go with the regression loss {config.loss}; use output: logits"
    if config.engine == "native" and config.device not in ("auto", "cpu"):
        yield f"engine native runs on the CPU only; use device: cpu (here {config.device})"
