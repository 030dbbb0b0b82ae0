"""The native engine's evaluation against the shared one in float64."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from sgdlab.config import document_of
from sgdlab.training.engines.native.engine import EVALUATED_AT_ONCE
from sgdlab.training.losses import evaluate, loss_of
from sgdlab.training.start import new_session

TWIN = {"name": "airfoil-twin", "limit": 331, "validation": 0.1}
DIGITS = {"name": "mnist-10k", "limit": 401, "validation": 0.1}


def an_engine(**changes: Any) -> Any:
    return new_session(document_of({"epochs": 1, "engine": "native", "batch_size": 8, **changes})).engine


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": DIGITS, "model": {"name": "mlp", "hidden": [37, 5], "activation": "gelu"}},
        {"dataset": DIGITS, "model": {"name": "mlp", "hidden": [50], "output": "softmax"}},
        {"dataset": DIGITS, "model": "linear"},
        {"dataset": TWIN, "model": {"name": "mlp", "hidden": [1], "activation": "tanh"}, "loss": "half_mse"},
        {"dataset": TWIN, "model": "linear", "loss": "mse"},
    ],
    ids=["gelu", "double softmax", "linear classes", "half mse", "mse"],
)
def test_native_evaluation_is_as_near_to_float64_as_torch_in_float32(changes: dict[str, Any]) -> None:
    engine = an_engine(**changes)
    workload, rows = engine.workload, engine.workload.train
    found = engine.evaluate(rows, lambda: None)
    shared = evaluate(workload.model, workload.config.loss, rows.x, rows.y)
    y = rows.y if workload.config.loss == "cross_entropy" else rows.y.double()
    with torch.no_grad():
        exact = float(loss_of(workload.config.loss, workload.model.double()(rows.x.double()), y))
    # both sum float32 row losses in float64; 4 and the floor of 8 eps as in the kernels' own tests
    assert abs(found.loss - exact) <= 4 * abs(shared.loss - exact) + 8 * np.finfo(np.float32).eps * exact
    assert found.accuracy == shared.accuracy or (math.isnan(found.accuracy) and math.isnan(shared.accuracy))


def test_non_finite_rows_are_seen_by_the_evaluation() -> None:
    engine = an_engine(dataset=DIGITS, model="mlp")
    with torch.no_grad():
        next(iter(engine.workload.model.parameters()))[0, 0] = math.nan
        engine.workload.train.x[:, 0] = 1.0
    assert not math.isfinite(engine.evaluate(engine.workload.train, lambda: None).loss)


def test_a_long_evaluation_can_be_left_between_its_calls() -> None:
    engine = an_engine(dataset={"name": "mnist-10k", "limit": 50}, model="linear")
    calls: list[int] = []
    engine.evaluate(engine.workload.train, lambda: calls.append(1))
    assert len(calls) == math.ceil(len(engine.workload.train.x) / EVALUATED_AT_ONCE) == 1
