"""Models: shapes, weights as a function of the seed, and a user's own modules."""

from typing import Any

import pytest
import torch
from torch import nn

from sgdlab.errors import ConfigError
from sgdlab.training.models import build_model, parameter_count, state_copy
from tests.support import make_config


def model_of(section, shape=(5,), outputs=3, seed=0) -> Any:
    return build_model(make_config(model=section).model, shape, outputs, seed)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("section", "count"),
    [
        ("linear", 5 * 3 + 3),
        ({"name": "mlp", "hidden": []}, 5 * 3 + 3),
        ({"name": "mlp", "hidden": [7]}, 5 * 7 + 7 + 7 * 3 + 3),
        ({"name": "mlp", "hidden": [7, 4]}, 5 * 7 + 7 + 7 * 4 + 4 + 4 * 3 + 3),
    ],
)
def test_parameters_are_those_of_its_layers(section, count):
    model = model_of(section)
    assert parameter_count(model) == count and model(torch.zeros(2, 5)).shape == (2, 3)


def test_the_texts_network_has_39760_parameters():
    assert parameter_count(model_of({"name": "mlp", "hidden": [50]}, (1, 28, 28), 10)) == 784 * 50 + 50 + 50 * 10 + 10


def test_weights_are_a_function_of_the_seed_alone():
    first = model_of("mlp")
    torch.manual_seed(99)
    torch.rand(7)
    assert same(first, model_of("mlp")) and not same(first, model_of("mlp", seed=1))


def test_building_leaves_torchs_own_stream_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    model_of("mlp")
    assert torch.equal(torch.rand(3), wanted)


def test_normal_init_has_its_deviation_and_bias_zero_or_torchs():
    zero = model_of({"name": "linear", "init": {"name": "normal", "std": 0.01}}, (1000,), 10)[0]
    assert zero.weight.std().item() == pytest.approx(0.01, rel=0.05) and not zero.bias.any()
    torchs = model_of({"name": "linear", "init": {"name": "normal", "bias": "torch"}}, (1000,), 10)[0]
    assert torchs.bias.all() and torchs.bias.abs().max() <= 1000**-0.5


@pytest.mark.parametrize(
    ("name", "function"),
    [("relu", torch.relu), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid), ("gelu", nn.functional.gelu)],
)
def test_activation_stands_between_layers_and_not_at_the_end(name, function):
    model = model_of({"name": "mlp", "hidden": [4], "activation": name})
    x = torch.randn(6, 5)
    assert torch.allclose(model(x), model[2](function(model[0](x))))


def test_softmax_output_gives_probabilities():
    p = model_of({"name": "mlp", "output": "softmax"})(torch.randn(6, 5))
    assert torch.allclose(p.sum(1), torch.ones(6)) and (p > 0).all()


def test_cnn_takes_images_and_refuses_vectors_and_too_many_halvings():
    model = model_of({"name": "cnn", "channels": [3, 4]}, (1, 9, 9), 10)
    assert model(torch.zeros(2, 1, 9, 9)).shape == (2, 10)
    with pytest.raises(ConfigError, match=r"model.name: cnn needs images .* use mlp"):
        model_of("cnn", (20,))
    with pytest.raises(ConfigError, match=r"model.channels: 3 halvings leave nothing of 4x4"):
        model_of({"name": "cnn", "channels": [1, 1, 1]}, (1, 4, 4))


def test_rows_are_flat_for_linear_layers_and_natural_for_the_rest():
    shapes = {name: make_config(model=name).model.row_shape((1, 4, 4)) for name in ("linear", "mlp", "cnn", "m:F")}
    assert shapes == {"linear": (16,), "mlp": (16,), "cnn": (1, 4, 4), "m:F": (1, 4, 4)}
    assert make_config(model={"name": "m:F", "input": "flat"}).model.row_shape((1, 4, 4)) == (16,)


def test_state_copy_is_not_changed_by_further_training():
    model = model_of("linear")
    state = state_copy(model)
    with torch.no_grad():
        model[0].weight.zero_()
    assert state["0.weight"].any()


OWN = """
from torch import nn
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, 3))
    def forward(self, x):
        return self.layers(x)
def make(fail=False):
    if fail:
        raise KeyError("some key")
    return nn.Linear(5, 3)
def number(): return 3
def wide(): return nn.Linear(5, 4)
def frozen(): return nn.Linear(5, 3).requires_grad_(False)
class Broken(Net):
    def forward(self, x):
        return x.nowhere
constant = 7
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)


def test_users_class_or_function_is_taken_with_its_options(own):
    assert parameter_count(model_of({"name": "own:Net", "options": {"width": 2}})) == 5 * 2 + 2 + 2 * 3 + 3
    assert isinstance(model_of("own.py:make"), nn.Linear)
    assert model_of("own:Net").training


def test_users_model_is_drawn_from_the_seed(own):
    assert same(model_of("own:Net"), model_of("own:Net")) and not same(model_of("own:Net"), model_of("own:Net", seed=1))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("own:Nett", 'has no "Nett"; did you mean "Net"'),
        ("absent:Net", 'no module "absent"'),
        ("absent.py:Net", "no file .*absent.py"),
        ("own:constant", "neither a class nor a function"),
        ("own:number", "must give a torch.nn.Module, not int"),
        ("own:frozen", "no parameter to train"),
        ("own:wide", r"gives a tensor \[2, 4\] for two rows; this data needs \[2, 3\]"),
        ("own:Broken", r"fails on rows of shape \[2, 5\].*nowhere"),
        ({"name": "own:Net", "options": {"depth": 2}}, "model.options: .*own.py:Net.*depth"),
        ({"name": "own:make", "options": {"fail": True}}, "model.options: .*KeyError.*some key"),
    ],
)
def test_users_model_that_does_not_fit_is_refused_in_words(own, section, message):
    with pytest.raises(ConfigError, match=message):
        model_of(section)
