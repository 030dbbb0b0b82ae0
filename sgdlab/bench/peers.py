"""Peers of other packages on the same model, data, optimiser and batch size; each absent where it is not installed."""

import os
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from sgdlab.bench.plain_loop import plain_optimizer
from sgdlab.bench.timing import Sample, TimedTraining
from sgdlab.config import Config
from sgdlab.data import PreparedData
from sgdlab.schema.models.mlp import LinearModel, MlpModel
from sgdlab.schema.optimizers.adam import Adam
from sgdlab.schema.optimizers.sgd import Sgd
from sgdlab.training.engines.base import build_workload
from sgdlab.training.losses import loss_of
from sgdlab.training.sampling import batch_plan


class Absent(Exception):
    """A peer that is not installed, or cannot train this config; the message says which."""


Train = Callable[[int], float]
"""Trains so many epochs from new weights; seconds, set-up excluded."""


def data_loader(config: Config, data: PreparedData) -> TimedTraining:
    """The plain loop over torch's DataLoader(TensorDataset(x, y), shuffle=True)."""
    size = _batch_size(config, data)

    def train(epochs: int) -> float:
        torch.set_num_threads(int(config.threads))
        workload = build_workload(config, data)
        optimizer = plain_optimizer(config.optimizer, workload.model, config.learning_rate.initial)
        rows = torch.utils.data.TensorDataset(workload.train.x, workload.train.y)
        loader = torch.utils.data.DataLoader(rows, batch_size=size, shuffle=True)
        started = time.perf_counter()
        for _ in range(epochs):
            for x, y in loader:
                loss = loss_of(config.loss, workload.model(x), y)
                loss.item()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        return time.perf_counter() - started

    return _by_epochs(train, config, data)


def scikit_learn(config: Config, data: PreparedData) -> TimedTraining:
    """MLPClassifier or MLPRegressor; the clock is fit of k + 1 epochs less fit of one, which holds the set-up."""
    _require("sklearn")
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    model, optimizer = config.model, config.optimizer
    activations = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}
    if not isinstance(model, MlpModel) or model.activation not in activations or model.output != "logits":
        raise Absent("knows mlp with relu, tanh or sigmoid and logits only")
    if optimizer.name not in ("sgd", "adam"):
        raise Absent("knows sgd and adam only")
    kind = MLPClassifier if data.task == "classification" else MLPRegressor
    y = data.train.y if data.outputs > 1 or data.task == "classification" else data.train.y.ravel()

    def fit(epochs: int) -> float:
        options: dict[str, Any] = {"momentum": optimizer.momentum} if isinstance(optimizer, Sgd) else {}
        options |= {"nesterovs_momentum": optimizer.nesterov} if isinstance(optimizer, Sgd) else {}
        net = kind(
            model.hidden, activation=activations[model.activation], solver=optimizer.name, max_iter=epochs, tol=0.0,
            learning_rate_init=config.learning_rate.initial, batch_size=_batch_size(config, data),
            n_iter_no_change=10**6, random_state=config.seed % 2**32, alpha=0.0, **options,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged is known
            started = time.perf_counter()
            net.fit(data.train.x, y)
        return time.perf_counter() - started

    return _by_epochs(lambda epochs: max(fit(epochs + 1) - fit(1), 1e-9), config, data)


def lightning(config: Config, data: PreparedData) -> TimedTraining:
    """A LightningModule in a bare Trainer over a DataLoader; the clock runs between its epoch hooks."""
    _require("lightning")
    import logging

    import lightning as pl

    for name in ("lightning.pytorch", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    workload = build_workload(config, data)
    rows = torch.utils.data.TensorDataset(workload.train.x, workload.train.y)

    class Module(pl.LightningModule):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.model, self.seconds = build_workload(config, data).model, 0.0

        def training_step(self, batch: Any, number: int) -> Any:
            return loss_of(config.loss, self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return plain_optimizer(config.optimizer, self.model, config.learning_rate.initial)

        def on_train_epoch_start(self) -> None:
            self.started = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            self.seconds += time.perf_counter() - self.started

    def train(epochs: int) -> float:
        torch.set_num_threads(int(config.threads))
        loader = torch.utils.data.DataLoader(rows, batch_size=_batch_size(config, data), shuffle=True)
        module = Module()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = pl.Trainer(
                max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
                enable_progress_bar=False, enable_model_summary=False,
            )  # fmt: skip
            trainer.fit(module, loader)
        return module.seconds

    return _by_epochs(train, config, data)


def keras(config: Config, data: PreparedData) -> TimedTraining:
    """Keras's fit on JAX (or KERAS_BACKEND); the clock is fit of k epochs after a first one has compiled."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    _require("keras")
    _require(os.environ["KERAS_BACKEND"])
    import keras as k

    widths, activation, output = _layers(config, data)
    rate, optimizer = config.learning_rate.initial, config.optimizer
    if isinstance(optimizer, Sgd):
        rule = k.optimizers.SGD(rate, momentum=optimizer.momentum, nesterov=optimizer.nesterov)
    elif isinstance(optimizer, Adam):
        kind = k.optimizers.Adam if optimizer.name == "adam" else k.optimizers.AdamW
        rule = kind(rate, beta_1=optimizer.beta1, beta_2=optimizer.beta2, epsilon=optimizer.eps)
    else:
        raise Absent("is set up for sgd, adam and adamw only")
    layers = [k.layers.Input((widths[0],)), *(k.layers.Dense(width, activation=activation) for width in widths[1:-1])]
    net = k.Sequential([*layers, k.layers.Dense(widths[-1], activation="softmax" if output == "softmax" else None)])
    classes = config.loss == "cross_entropy"
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=output == "logits") if classes else "mse"
    net.compile(optimizer=rule, loss=loss)
    x, y, size = data.train.x, data.train.y, _batch_size(config, data)
    net.fit(x, y, batch_size=size, epochs=1, verbose=0)

    def train(epochs: int) -> float:
        started = time.perf_counter()
        net.fit(x, y, batch_size=size, epochs=epochs, verbose=0)
        return time.perf_counter() - started

    return _by_epochs(train, config, data)


def jax(config: Config, data: PreparedData) -> TimedTraining:
    """An optax rule inside one jitted lax.scan over the epoch's whole batches; the clock excludes compilation.

    The shorter last batch is left out, as scan wants equal shapes; its examples are not counted.
    """
    _require("jax")
    _require("optax")
    import jax as j
    import jax.numpy as jnp
    import optax

    widths, activation, output = _layers(config, data)
    act = {"relu": j.nn.relu, "tanh": jnp.tanh, "sigmoid": j.nn.sigmoid, "gelu": partial(j.nn.gelu, approximate=False)}
    rate, optimizer = config.learning_rate.initial, config.optimizer
    if isinstance(optimizer, Sgd):
        rule = optax.sgd(rate, momentum=optimizer.momentum or None, nesterov=optimizer.nesterov)
    elif isinstance(optimizer, Adam):
        kind = optax.adam if optimizer.name == "adam" else optax.adamw
        rule = kind(rate, b1=optimizer.beta1, b2=optimizer.beta2, eps=optimizer.eps)
    else:
        raise Absent("is set up for sgd, adam and adamw only")
    x, y = jnp.asarray(data.train.x), jnp.asarray(data.train.y)
    size, rows = _batch_size(config, data), len(data.train)
    steps = rows // size

    def loss_value(parameters: Any, bx: Any, by: Any) -> Any:
        for weight, bias in parameters[:-1]:
            bx = act[activation](bx @ weight + bias)
        z = bx @ parameters[-1][0] + parameters[-1][1]
        z = j.nn.softmax(z) if output == "softmax" else z
        if config.loss == "cross_entropy":
            return optax.softmax_cross_entropy_with_integer_labels(z, by).mean()
        return ((z - by) ** 2).mean() * (0.5 if config.loss == "half_mse" else 1.0)

    def epoch_steps(parameters: Any, memory: Any, key: Any) -> Any:
        order = j.random.permutation(key, rows)[: steps * size].reshape(steps, size)

        def step(state: Any, chosen: Any) -> Any:
            loss, gradient = j.value_and_grad(loss_value)(state[0], x[chosen], y[chosen])
            updates, kept = rule.update(gradient, state[1], state[0])
            return (optax.apply_updates(state[0], updates), kept), loss

        return j.lax.scan(step, (parameters, memory), order)

    epoch = j.jit(epoch_steps)

    rng = np.random.default_rng(config.seed)
    initial = [
        (jnp.asarray(rng.normal(0, a**-0.5, (a, b)).astype(np.float32)), jnp.zeros(b)) for a, b in pairwise(widths)
    ]

    def train(epochs: int) -> float:
        state, loss = (initial, rule.init(initial)), None
        started = time.perf_counter()
        for number in range(epochs):
            state, loss = epoch(*state, j.random.PRNGKey(number))
        j.block_until_ready((state, loss))
        return time.perf_counter() - started

    train(1)

    def run(wanted: int) -> Sample:
        epochs = max(-(-wanted // steps), 1)
        return Sample(train(epochs), epochs * steps, epochs * steps * size)

    return run


PEERS: dict[str, Callable[[Config, PreparedData], TimedTraining]] = {
    "DataLoader": data_loader,
    "scikit-learn": scikit_learn,
    "Lightning": lightning,
    "Keras": keras,
    "JAX": jax,
}
"""Each makes a contender of a resolved config, or raises Absent with the reason."""

THREADS_IN_WORDS = "Keras and JAX take the threads they like whatever --threads says; --pin CORE holds all to one core"


def _by_epochs(train: Train, config: Config, data: PreparedData) -> TimedTraining:
    """A contender that trains whole epochs only, at least as many as the steps asked for."""
    rows = len(data.train)
    steps = batch_plan(config, rows).steps_in(0)

    def run(wanted: int) -> Sample:
        epochs = max(-(-wanted // steps), 1)
        return Sample(train(epochs), epochs * steps, epochs * rows)

    return run


def _batch_size(config: Config, data: PreparedData) -> int:
    return batch_plan(config, len(data.train)).size_in(0)


def _layers(config: Config, data: PreparedData) -> tuple[list[int], str, str]:
    """Widths from input to output, the activation, and what the network ends in."""
    model = config.model
    if isinstance(model, MlpModel):
        return [data.features, *model.hidden, data.outputs], model.activation, model.output
    if isinstance(model, LinearModel):
        return [data.features, data.outputs], "relu", model.output
    raise Absent("is set up for linear and mlp only")


def _require(package: str) -> None:
    if find_spec(package) is None:
        raise Absent(f"{package} is not installed")
