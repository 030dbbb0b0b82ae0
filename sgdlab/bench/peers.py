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

from sgdlab.bench.plain_loop import plain_optimizer, plain_step
from sgdlab.bench.timing import Sample, TimedTraining
from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.schema.models.mlp import LinearModel, MlpModel
from sgdlab.schema.optimizers.adam import Adam
from sgdlab.schema.optimizers.sgd import Sgd
from sgdlab.training.engines.base import Workload, build_workload
from sgdlab.training.losses import loss_of
from sgdlab.training.sampling import batch_plan


class Absent(Exception):
    """A peer that is not installed, or cannot train this config; the message says which."""


def data_loader(config: Config, data: PreparedData) -> TimedTraining:
    """The plain loop over torch's DataLoader(TensorDataset(x, y), shuffle=True)."""

    def train(epochs: int) -> float:
        torch.set_num_threads(int(config.threads))
        workload = build_workload(config, data)
        optimizer, loader = plain_optimizer(config, workload.model), _loader(workload)
        started = time.perf_counter()
        for _ in range(epochs):
            for x, y in loader:
                plain_step(workload, optimizer, x, y)
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
    options: dict[str, Any] = {}
    if isinstance(optimizer, Sgd):
        options = {"momentum": optimizer.momentum, "nesterovs_momentum": optimizer.nesterov}

    def fit(epochs: int) -> float:
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

    class Module(pl.LightningModule):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.model, self.seconds = build_workload(config, data).model, 0.0

        def training_step(self, batch: Any, number: int) -> Any:
            return loss_of(config.loss, self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return plain_optimizer(config, self.model)

        def on_train_epoch_start(self) -> None:
            self.started = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            self.seconds += time.perf_counter() - self.started

    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")

    def train(epochs: int) -> float:
        torch.set_num_threads(int(config.threads))
        module = Module()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = pl.Trainer(max_epochs=epochs, accelerator="cpu", **dict.fromkeys(quiet, False))
            trainer.fit(module, _loader(build_workload(config, data)))
        return module.seconds

    return _by_epochs(train, config, data)


def keras(config: Config, data: PreparedData) -> TimedTraining:
    """Keras's fit on JAX (or KERAS_BACKEND); the clock is fit of k epochs after a first one has compiled."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    _require("keras", os.environ["KERAS_BACKEND"])
    import keras as k

    widths, activation, output = _layers(config, data)
    rate, optimizer = config.learning_rate.initial, _known_optimizer(config)
    if isinstance(optimizer, Sgd):
        rule = k.optimizers.SGD(rate, momentum=optimizer.momentum, nesterov=optimizer.nesterov)
    else:
        kind = k.optimizers.Adam if optimizer.name == "adam" else k.optimizers.AdamW
        rule = kind(rate, beta_1=optimizer.beta1, beta_2=optimizer.beta2, epsilon=optimizer.eps)
    layers = [k.layers.Input((widths[0],)), *(k.layers.Dense(width, activation=activation) for width in widths[1:-1])]
    net = k.Sequential([*layers, k.layers.Dense(widths[-1], activation="softmax" if output == "softmax" else None)])
    classes = config.loss == "cross_entropy"
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=output == "logits") if classes else "mse"
    net.compile(optimizer=rule, loss=loss)

    def train(epochs: int) -> float:
        started = time.perf_counter()
        net.fit(data.train.x, data.train.y, batch_size=_batch_size(config, data), epochs=epochs, verbose=0)
        return time.perf_counter() - started

    train(1)
    return _by_epochs(train, config, data)


def jax(config: Config, data: PreparedData) -> TimedTraining:
    """An optax rule inside one jitted lax.scan over the epoch's whole batches; the clock excludes compilation.

    The shorter last batch is left out, as scan wants equal shapes; its examples are not counted.
    """
    _require("jax", "optax")
    import jax as j
    import jax.numpy as jnp
    import optax

    rate, optimizer = config.learning_rate.initial, _known_optimizer(config)
    if isinstance(optimizer, Sgd):
        rule = optax.sgd(rate, momentum=optimizer.momentum or None, nesterov=optimizer.nesterov)
    else:
        kind = optax.adam if optimizer.name == "adam" else optax.adamw
        rule = kind(rate, b1=optimizer.beta1, b2=optimizer.beta2, eps=optimizer.eps)
    loss_of_batch, initial = _jax_network(config, data)
    x, y = jnp.asarray(data.train.x), jnp.asarray(data.train.y)
    size, rows = _batch_size(config, data), len(data.train)
    steps = rows // size

    def step(state: Any, chosen: Any) -> Any:
        loss, gradient = j.value_and_grad(loss_of_batch)(state[0], x[chosen], y[chosen])
        updates, kept = rule.update(gradient, state[1], state[0])
        return (optax.apply_updates(state[0], updates), kept), loss

    def epoch_steps(state: Any, key: Any) -> Any:
        return j.lax.scan(step, state, j.random.permutation(key, rows)[: steps * size].reshape(steps, size))

    epoch = j.jit(epoch_steps)

    def train(epochs: int) -> float:
        state, loss = (initial, rule.init(initial)), None
        started = time.perf_counter()
        for number in range(epochs):
            state, loss = epoch(state, j.random.PRNGKey(number))
        j.block_until_ready((state, loss))
        return time.perf_counter() - started

    train(1)
    return _by_epochs(train, config, data, whole_batches=True)


def _jax_network(config: Config, data: PreparedData) -> tuple[Callable[[Any, Any, Any], Any], list[Any]]:
    """The loss of a batch as a function of (parameters, x, y), and initial parameters (weight, bias) by layer."""
    import jax as j
    import jax.numpy as jnp
    import optax

    widths, activation, output = _layers(config, data)
    act = {"relu": j.nn.relu, "tanh": jnp.tanh, "sigmoid": j.nn.sigmoid, "gelu": partial(j.nn.gelu, approximate=False)}
    rng = np.random.default_rng(config.seed)
    initial = [
        (jnp.asarray(rng.normal(0, a**-0.5, (a, b)).astype(np.float32)), jnp.zeros(b)) for a, b in pairwise(widths)
    ]

    def loss_of_batch(parameters: Any, x: Any, y: Any) -> Any:
        for weight, bias in parameters[:-1]:
            x = act[activation](x @ weight + bias)
        z = x @ parameters[-1][0] + parameters[-1][1]
        z = j.nn.softmax(z) if output == "softmax" else z
        if config.loss == "cross_entropy":
            return optax.softmax_cross_entropy_with_integer_labels(z, y).mean()
        return ((z - y) ** 2).mean() * (0.5 if config.loss == "half_mse" else 1.0)

    return loss_of_batch, initial


PEERS: dict[str, Callable[[Config, PreparedData], TimedTraining]] = {
    "DataLoader": data_loader,
    "scikit-learn": scikit_learn,
    "Lightning": lightning,
    "Keras": keras,
    "JAX": jax,
}
"""Each makes a contender of a resolved config, or raises Absent with the reason."""

THREADS_IN_WORDS = "Keras and JAX take the threads they like whatever --threads says; --pin CORE holds all to one core"


def _by_epochs(
    train: Callable[[int], float], config: Config, data: PreparedData, whole_batches: bool = False
) -> TimedTraining:
    """A contender that trains whole epochs only, at least as many as the steps asked for.

    train: trains so many epochs from new weights; seconds, set-up excluded. whole_batches: without the shorter last.
    """
    rows, size = len(data.train), _batch_size(config, data)
    steps = rows // size if whole_batches else -(-rows // size)

    def run(wanted: int) -> Sample:
        epochs = max(-(-wanted // steps), 1)
        return Sample(train(epochs), epochs * steps, epochs * min(steps * size, rows))

    return run


def _loader(workload: Workload) -> Any:
    rows = torch.utils.data.TensorDataset(workload.train.x, workload.train.y)
    size = batch_plan(workload.config, len(workload.train.x)).size_in(0)
    return torch.utils.data.DataLoader(rows, batch_size=size, shuffle=True)


def _batch_size(config: Config, data: PreparedData) -> int:
    return batch_plan(config, len(data.train)).size_in(0)


def _known_optimizer(config: Config) -> Sgd | Adam:
    if not isinstance(config.optimizer, Sgd | Adam):
        raise Absent("is set up for sgd, adam and adamw only")
    return config.optimizer


def _layers(config: Config, data: PreparedData) -> tuple[list[int], str, str]:
    """Widths from input to output, the activation, and what the network ends in."""
    model = config.model
    if isinstance(model, MlpModel):
        return [data.features, *model.hidden, data.outputs], model.activation, model.output
    if isinstance(model, LinearModel):
        return [data.features, data.outputs], "relu", model.output
    raise Absent("is set up for linear and mlp only")


def _require(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            raise Absent(f"{package} is not installed")
