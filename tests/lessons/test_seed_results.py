"""What runs left, by seed."""

import math

from sgdlab.lessons.seed_results import first_reaching, value_at
from tests.lessons.made_up import history, seed_results


def test_readings_of_a_history() -> None:
    table = history([0.5, 0.3, 0.2, 0.1], step=10, examples=2)
    assert value_at("train_loss", "step", 20)(table) == 0.2
    assert value_at("train_loss", "examples", 39)(table) == 0.2
    assert math.isnan(value_at("train_loss", "step", 31)(table))
    assert first_reaching("train_loss", 0.2)(table) == 20
    assert first_reaching("train_loss", 0.05)(table) == math.inf


def test_a_run_that_did_not_complete_has_no_value() -> None:
    lost = {"seed": 1, "best_val_loss": 0.5, "status": "diverged"}
    found = seed_results([{"seed": 0, "best_val_loss": 1.0}, lost]).by_seed("best_val_loss")
    assert found[0] == 1.0 and math.isnan(found[1])
