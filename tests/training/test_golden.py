"""Two short histories as they were: a change of any stream, order, update or mean shows here.

Written on 21 November 2026 with torch 2.13.0 and numpy 2.4.6 on x86-64 by the eager engine. Losses may differ
by 2e-5 relative: float32 rounds otherwise in other products (native, other processors), by 3e-7 here; 21 steps
add up. Positions and rates not at all.
"""

import pytest

from sgdlab.data import load
from tests.support import make_config, trained

REGRESSION = {
    "dataset": {"name": "airfoil-twin", "limit": 100},
    "model": {"name": "mlp", "hidden": [6], "activation": "tanh"},
    "learning_rate": {"initial": 0.05, "schedule": "step", "factor": 0.5, "warmup": 1},
    "batch_size": 12,
    "epochs": 3,
    "seed": 5,
}
DIGITS = {
    "dataset": {"name": "mnist-10k", "limit": 200, "resample": "bootstrap"},
    "model": {"name": "mlp", "hidden": [10], "output": "softmax"},
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "learning_rate": 0.5,
    "batch_size": 32,
    "sampling": "replacement",
    "budget": "12 steps",
    "evaluate_every": "4 steps",
}
NAN = float("nan")
HISTORIES = {  # step, examples, rate, batch_loss, mean_batch_loss, train_loss, val_loss, train and val accuracy
    "regression": [
        (0, 0, 0.05, NAN, NAN, 0.9642442, 0.9791245, NAN, NAN),
        (7, 80, 0.05, 0.4249834, 0.7913945, 0.4324733, 0.6096712, NAN, NAN),
        (14, 160, 0.05, 0.1929538, 0.3766319, 0.3273519, 0.6905252, NAN, NAN),
        (21, 240, 0.025, 0.2369782, 0.3387706, 0.3217234, 0.8105975, NAN, NAN),
    ],
    "digits": [
        (0, 0, 0.5, NAN, NAN, 2.30125, 2.30079, 0.05, 0.075),
        (4, 128, 0.5, 2.301852, 2.301149, 2.293021, 2.294152, 0.19375, 0.125),
        (8, 256, 0.5, 2.281398, 2.286753, 2.266098, 2.272374, 0.175, 0.2),
        (12, 384, 0.5, 2.231071, 2.254286, 2.192968, 2.241039, 0.26875, 0.175),
    ],
}


@pytest.mark.parametrize("engine", ["eager", "native"])
@pytest.mark.parametrize(("name", "values"), [("regression", REGRESSION), ("digits", DIGITS)])
def test_history_is_what_it_was(name, values, engine):
    config = make_config(**values)
    measured = [
        (r.step, r.examples, r.learning_rate, r.batch_loss, r.mean_batch_loss, r.train_loss, r.val_loss,
         r.train_accuracy, r.val_accuracy)
        for r in trained(load(config.dataset, config.seed), **values, engine=engine)
    ]  # fmt: skip
    assert len(measured) == len(HISTORIES[name])
    for ours, golden in zip(measured, HISTORIES[name], strict=True):
        assert ours[:3] == golden[:3]
        assert ours[3:] == pytest.approx(golden[3:], rel=2e-5, nan_ok=True)
