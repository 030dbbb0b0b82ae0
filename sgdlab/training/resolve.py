"""From a config and its data to a resolved config: no `auto` left, every combination checked."""

from dataclasses import dataclass

from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import ConfigError
from sgdlab.runs.environment import available_cores
from sgdlab.training.batch_sizes import checked_batch_size
from sgdlab.training.engines.select import choose_engine, resolve_device


@dataclass(frozen=True)
class Resolved:
    """A config without `auto`, and why its engine was chosen."""

    config: Config
    engine_reason: str


def resolve(config: Config, data: PreparedData, runs: int = 1) -> Resolved:
    """Fill in loss, device, engine and threads; ConfigError or EngineError for what cannot be run.

    runs: in the plan that this one belongs to. They share the cores, however many are at work at once, so
    that --jobs changes no result.
    """
    loss = _loss(config, data)
    size = config.batch_size.initial
    checked_batch_size(size, len(data.train), f"batch_size.initial: {size}")
    if config.stop_at is not None:
        _check_target(config.stop_at.metric, data)
    config = config.model_copy(update={"loss": loss, "device": resolve_device(config.device, config.engine)})
    engine, threads, reason = choose_engine(config, data, max(available_cores() // runs, 1))
    return Resolved(config.model_copy(update={"engine": engine, "threads": threads}), reason)


def _loss(config: Config, data: PreparedData) -> str:
    classification = data.task == "classification"
    if config.loss == "auto":
        if config.model.output == "softmax" and not classification:
            raise ConfigError("model.output: softmax does not go with a regression; use output: logits")
        return "cross_entropy" if classification else "mse"
    if (config.loss == "cross_entropy") != classification:
        fitting = "cross_entropy" if classification else "mse or half_mse"
        raise ConfigError(f"loss: {config.loss} does not go with this {data.task}; use {fitting}")
    return config.loss


def _check_target(metric: str, data: PreparedData) -> None:
    if metric.startswith("val") and data.validation is None:
        raise ConfigError(f"stop_at: {metric} is never measured without a validation split; set dataset.validation")
    if metric.endswith("accuracy") and data.task == "regression":
        raise ConfigError(
            f"stop_at: {metric} is never measured in a regression; use {metric.replace('accuracy', 'loss')}"
        )
