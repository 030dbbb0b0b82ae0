"""Every registered engine against eager on the same batches; what it refuses is skipped with its reason.

Engines round the same float32 sums in another order, native to 3e-7 of the largest loss or parameter after twenty
steps here. 5e-6 leaves room for other processors; a rate that is wrong by a thousandth shows as 3e-4.
"""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from sgdlab.data.prepared import PreparedData
from sgdlab.training.engines.base import Engine
from sgdlab.training.engines.eager import EagerEngine
from sgdlab.training.engines.select import ENGINES
from sgdlab.training.loop import Training
from sgdlab.training.losses import evaluate
from tests.support import classification, make_data, regression, run_steps, start_training

TOLERANCE = 5e-6
CLASSES, NUMBERS = classification(rows=50, features=5), regression(rows=50)
IMAGES = make_data((np.random.default_rng(0).normal(size=(30, 64)), np.arange(30) % 3))
IMAGES = PreparedData(IMAGES.train, None, None, (1, 8, 8), IMAGES.preprocess, IMAGES.checksum)
TWO_TARGETS = make_data((NUMBERS.train.x, np.repeat(NUMBERS.train.y, 2, axis=1) * [1.0, -3.0]))
ONE_ROW = make_data((np.ones((1, 2)), np.ones((1, 1))))
MLP = {"model": {"name": "mlp", "hidden": [6]}, "learning_rate": 0.01, "batch_size": 7, "budget": "20 steps"}


def mlp(**options: Any) -> dict[str, Any]:
    return MLP | {"model": {"name": "mlp", "hidden": [6], **options}}


CASES: dict[str, tuple[PreparedData, dict[str, Any]]] = {
    "linear classes": (CLASSES, MLP | {"model": "linear"}),
    "linear numbers": (NUMBERS, MLP | {"model": "linear"}),
    "no hidden unit but one": (CLASSES, mlp(hidden=[1])),
    "two odd layers": (CLASSES, mlp(hidden=[17, 3])),
    "tanh": (CLASSES, mlp(activation="tanh")),
    "sigmoid": (CLASSES, mlp(activation="sigmoid")),
    "gelu": (CLASSES, mlp(activation="gelu")),
    "softmax under cross entropy": (CLASSES, mlp(output="softmax")),
    "normal weights": (CLASSES, mlp(init={"name": "normal", "std": 0.1})),
    "two targets": (TWO_TARGETS, MLP),
    "half of the squared error": (TWO_TARGETS, MLP | {"loss": "half_mse"}),
    "images": (IMAGES, MLP | {"model": {"name": "cnn", "channels": [3]}}),
    "batch of one": (CLASSES, MLP | {"batch_size": 1}),
    "last batch of one": (CLASSES, MLP),
    "full batch": (CLASSES, MLP | {"batch_size": "full"}),
    "growing batch": (CLASSES, MLP | {"batch_size": {"initial": 5, "every": 1}}),
    "one row": (ONE_ROW, MLP | {"model": "linear", "batch_size": 1}),
    "drawn with replacement": (CLASSES, MLP | {"sampling": "replacement"}),
    "falling rate": (CLASSES, MLP | {"learning_rate": {"initial": 0.02, "schedule": "cosine", "warmup": 1}}),
    "sgd": (CLASSES, MLP | {"optimizer": "sgd"}),
    "momentum": (CLASSES, MLP | {"optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01}}),
    "nesterov": (CLASSES, MLP | {"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True}}),
    "adam with decay": (CLASSES, MLP | {"optimizer": {"name": "adam", "weight_decay": 0.01, "beta1": 0.8}}),
    "adamw": (CLASSES, MLP | {"optimizer": {"name": "adamw", "weight_decay": 0.1}}),
    "rmsprop": (CLASSES, MLP | {"optimizer": "rmsprop"}),
    "adagrad": (CLASSES, MLP | {"optimizer": "adagrad"}),
    "one of torch's": (CLASSES, MLP | {"optimizer": "NAdam"}),
}


def begun(kind: type[Engine], case: str) -> Training:
    """A run of the case on an engine, before its first step; skipped where the engine refuses it."""
    data, values = CASES[case]
    workload = start_training(data, **values).workload
    reason = kind.refusal(workload.config)
    if reason is not None:
        assert kind is not EagerEngine
        pytest.skip(f"{kind.name} refuses: {reason}")
    return Training(workload, kind(workload))


def parameters(training: Training) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in training.workload.model.parameters()])


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max())


def follows_eager(kind: type[Engine], case: str) -> None:
    ours, eager = begun(kind, case), begun(EagerEngine, case)
    start = parameters(ours)
    assert close(run_steps(ours, 0, 20), run_steps(eager, 0, 20))
    assert close(parameters(ours), parameters(eager))
    assert np.abs(parameters(ours) - start).max() > 100 * TOLERANCE  # the run went somewhere


def hands_its_memory_on(kind: type[Engine], case: str) -> None:
    """After 8 steps to another engine of its kind, without a difference, and to and from eager."""
    whole = begun(kind, case)
    run_steps(whole, 0, 8)
    model = {name: value.clone() for name, value in whole.workload.model.state_dict().items()}
    memory = whole.engine.optimizer_state()
    rest, end = run_steps(whole, 8, 20), parameters(whole)
    for heir in (kind, EagerEngine):
        part = begun(heir, case)
        part.workload.model.load_state_dict(model)
        part.engine.load_optimizer_state(copy.deepcopy(memory))
        losses = run_steps(part, 8, 20)
        equal = np.array_equal if heir is kind else close
        assert equal(losses, rest) and equal(parameters(part), end)
    eager, ours = begun(EagerEngine, case), begun(kind, case)
    run_steps(eager, 0, 8)
    ours.workload.model.load_state_dict(eager.workload.model.state_dict())
    ours.engine.load_optimizer_state(eager.engine.optimizer_state())
    assert close(run_steps(ours, 8, 20), run_steps(eager, 8, 20))


def warm_up_changes_nothing(kind: type[Engine], case: str) -> None:
    cold, warm = begun(kind, case), begun(kind, case)
    before, stream = parameters(warm), torch.get_rng_state()
    warm.engine.warm_up()
    assert np.array_equal(before, parameters(warm)) and torch.equal(torch.get_rng_state(), stream)
    assert np.array_equal(run_steps(cold, 0, 20), run_steps(warm, 0, 20))


def measures_as_shared(kind: type[Engine], case: str) -> None:
    training = begun(kind, case)
    run_steps(training, 0, 20)
    rows, workload = training.workload.train, training.workload
    shared = evaluate(workload.model, workload.config.loss, rows.x, rows.y)
    found = training.engine.evaluate(rows, lambda: None)
    assert found.loss == pytest.approx(shared.loss, rel=TOLERANCE)
    assert found.accuracy == pytest.approx(shared.accuracy, rel=0, nan_ok=True)


CHECKS = (follows_eager, hands_its_memory_on, warm_up_changes_nothing, measures_as_shared)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ENGINES.values(), ids=ENGINES)
def test_engine_conforms(kind: type[Engine], case: str) -> None:
    for check in CHECKS:
        check(kind, case)


def test_engines_say_who_they_are() -> None:
    assert len(ENGINES) >= 2 and all(kind.name == name for name, kind in ENGINES.items())
    for name, kind in ENGINES.items():
        assert kind.name == name and kind.__doc__ and kind.__doc__ != Engine.__doc__


class TooFast(EagerEngine):
    """Steps a thousandth too far."""

    def _update(self, x: torch.Tensor, y: torch.Tensor, rate: float) -> torch.Tensor:
        return super()._update(x, y, rate * 1.001)


class Forgetful(EagerEngine):
    """Hands no memory on."""

    def optimizer_state(self) -> dict[str, Any]:
        return {"state": {}}


class Restless(EagerEngine):
    """Draws while it warms up."""

    def warm_up(self) -> None:
        torch.rand(1)


@pytest.mark.parametrize("kind", [TooFast, Forgetful, Restless])
def test_an_engine_that_does_not_conform_is_found(kind: type[Engine]) -> None:
    with pytest.raises(AssertionError):
        for check in CHECKS:
            check(kind, "momentum")
