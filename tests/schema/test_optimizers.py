"""Optimisers of a config: torch's own with the same options."""

import pytest
import torch

from tests.support import make_config


def update(optimizer, gradient=0.5) -> float:
    """One step of a torch optimiser on w = 1 at rate 0.1; the new w."""
    parameter = torch.nn.Parameter(torch.ones(1))
    made = optimizer([parameter])
    for _ in range(3):
        parameter.grad = torch.full((1,), gradient)
        made.step()
    return parameter.item()


@pytest.mark.parametrize(
    ("section", "reference"),
    [
        ({"name": "sgd"}, lambda p: torch.optim.SGD(p, lr=0.1)),
        (
            {"name": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
        ),
        (
            {"name": "adam", "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1},
            lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1),
        ),
        ({"name": "adamw", "weight_decay": 0.1}, lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1)),
        (
            {"name": "rmsprop", "alpha": 0.9, "momentum": 0.5},
            lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9, momentum=0.5),
        ),
        ({"name": "adagrad", "weight_decay": 0.1}, lambda p: torch.optim.Adagrad(p, lr=0.1, weight_decay=0.1)),
        (
            {"name": "NAdam", "options": {"momentum_decay": 0.01}},
            lambda p: torch.optim.NAdam(p, lr=0.1, momentum_decay=0.01),
        ),
        ({"name": "Adam", "options": {"amsgrad": True}}, lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True)),
    ],
)
def test_optimizer_of_a_config_is_torchs_with_the_same_options(section, reference):
    built = make_config(optimizer=section).optimizer
    assert update(lambda p: built.build(p, 0.1)) == pytest.approx(update(reference), rel=1e-6)


def test_adamw_in_a_config_has_no_weight_decay_unless_asked():
    """The config's default is 0 for all optimisers, torch's own for AdamW is 0.01."""
    optimizer = make_config(optimizer="adamw").optimizer.build([torch.nn.Parameter(torch.ones(1))], 0.1)
    assert optimizer.param_groups[0]["weight_decay"] == 0
