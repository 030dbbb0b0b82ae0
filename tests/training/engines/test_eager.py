"""The reference engine: plain updates, gathered rows, torch's optimisers by name."""

import numpy as np
import pytest
import torch

from sgdlab.errors import ConfigError
from sgdlab.training.engines import eager
from tests.support import classification, records_of, regression, run_steps, start_training

MLP = {"model": {"name": "mlp", "hidden": [6]}, "learning_rate": 0.02, "batch_size": 7, "epochs": 2}


def state_of(training) -> list[torch.Tensor]:
    return [p.detach().clone() for p in training.workload.model.parameters()]


def test_loss_of_a_step_is_that_before_its_update():
    training = start_training(regression(rows=10, held_out=0), model="linear", optimizer="sgd", batch_size="full")
    before = records_of(training)[0].train_loss
    again = start_training(regression(rows=10, held_out=0), model="linear", optimizer="sgd", batch_size="full")
    assert run_steps(again, 0, 1)[0] == pytest.approx(before, rel=1e-6)


def test_rows_gathered_in_small_portions_give_the_same_run(monkeypatch):
    whole = start_training(classification(), **MLP)
    losses = run_steps(whole, 0, 16)
    monkeypatch.setattr(eager, "GATHER_BYTES", 100)
    portions = start_training(classification(), **MLP)
    assert np.array_equal(run_steps(portions, 0, 16), losses)
    assert all(map(torch.equal, state_of(whole), state_of(portions)))


def test_a_row_larger_than_the_gathering_memory_is_still_trained_on(monkeypatch):
    monkeypatch.setattr(eager, "GATHER_BYTES", 1)
    assert np.isfinite(run_steps(start_training(classification(), **MLP), 0, 16)).all()


def test_parameters_that_are_frozen_stay(tmp_path):
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "def net():\n"
        "    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))\n"
        "    model[0].weight.requires_grad_(False)\n"
        "    return model\n"
    )
    training = start_training(classification(), **(MLP | {"model": "own:net"}))
    before = state_of(training)
    run_steps(training, 0, 16)
    changed = [not torch.equal(a, b) for a, b in zip(before, state_of(training), strict=True)]
    assert changed == [False, True, True, True]


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("Adamm", 'torch.optim has no class .Adamm.; did you mean "Adam"'),
        ("LBFGS", "LBFGS takes no plain steps"),
        ("SparseAdam", "SparseAdam takes no plain steps"),
        ("Optimizer", "has no class"),
        ({"name": "SGD", "options": {"lr": 3}}, "torch.optim.SGD refuses them"),
        ({"name": "SGD", "options": {"momentum": -1}}, "torch.optim.SGD refuses them.*momentum"),
        ({"name": "SGD", "options": {"wings": 2}}, "torch.optim.SGD refuses them.*wings"),
    ],
)
def test_optimizer_that_cannot_serve_is_refused_before_anything_runs(optimizer, message):
    with pytest.raises(ConfigError, match=message):
        start_training(classification(), **(MLP | {"optimizer": optimizer}))


@pytest.mark.parametrize("option", ["foreach", "differentiable", "fused"])
def test_options_that_exclude_each_other_are_left_to_the_user(option):
    values = MLP | {"optimizer": {"name": "Adam", "options": {option: option != "differentiable"}}}
    assert np.isfinite(run_steps(start_training(classification(), **values), 0, 3)).all()
