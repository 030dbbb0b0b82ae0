"""Every registered member of a config's sections does what all of its kind do: a new one is tested by being there."""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sgdlab.config import config_to_yaml, read_document
from sgdlab.config.build import build_config
from sgdlab.config.root import REGISTRIES
from sgdlab.data import load
from sgdlab.data.preprocess_file import preprocess_from_json, preprocess_to_json
from sgdlab.data.tables.new_rows import apply_preprocess
from sgdlab.errors import DataError
from sgdlab.schema.dataset import SOURCES
from sgdlab.schema.models.base import MODELS
from sgdlab.schema.optimizers.base import OPTIMIZERS
from sgdlab.schema.schedules.base import SCHEDULES
from sgdlab.training.models import build_model
from tests.support import make_config

NEEDS = {
    "csv": {"path": "numbers.csv", "target": "y", "task": "regression"},
    "npz": {"path": "numbers.npz", "task": "regression"},
}
"""What a source needs besides its name; the files are made by `numbers`."""

MEMBERS = [(section, name) for section, registry in REGISTRIES.items() for name in registry.members()]


@pytest.fixture
def numbers(tmp_path: Path) -> None:
    """A table of 40 rows: y = a + 2 b and noise."""
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 2))
    y = x @ [1, 2] + 0.1 * random.normal(size=40)
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}).to_csv(tmp_path / "numbers.csv", index=False)
    np.savez(tmp_path / "numbers.npz", x=x, y=y)


def described(section: str, name: str) -> dict[str, Any]:
    return {REGISTRIES[section].key: name} | (NEEDS.get(name, {}) if section == "dataset" else {})


@pytest.mark.parametrize(("section", "name"), MEMBERS, ids=["-".join(pair) for pair in MEMBERS])
def test_member_says_everything_about_itself_and_loads_back_equal(section, name, tmp_path):
    cls = REGISTRIES[section].class_of(name)
    assert cls.__doc__ and cls.__module__
    key = REGISTRIES[section].key
    assert not [each for each, field in cls.model_fields.items() if not field.description and each != key]
    values = (
        {"model": {"name": "mlp", "init": described(section, name)}}
        if section == "init"
        else {section: described(section, name)}
    )
    config = make_config(**values)
    (tmp_path / "config.yaml").write_text(config_to_yaml(config))
    assert build_config(read_document(tmp_path / "config.yaml")) == config


@pytest.mark.parametrize("name", OPTIMIZERS.members())
def test_optimizer_descends_and_goes_on_from_its_saved_state(name):
    section = make_config(optimizer=name).optimizer
    w = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = section.build([w], 0.05)

    def steps(optimizer: torch.optim.Optimizer, w: nn.Parameter, count: int) -> list[float]:
        losses = []
        for _ in range(count):
            optimizer.zero_grad()
            loss = (w**2).sum()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    first = steps(optimizer, w, 20)
    assert first[-1] < first[0]
    again = nn.Parameter(w.detach().clone())
    other = section.build([again], 0.05)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert steps(other, again, 10) == steps(optimizer, w, 10)
    kept = [each for each in optimizer.state[w].values() if isinstance(each, torch.Tensor) and each.shape == w.shape]
    assert section.state_arrays() == len(kept)


FORMULAS = {
    "constant": lambda t, end: 1.0,
    "step": lambda t, end: 0.1 ** math.floor(t),
    "exponential": lambda t, end: 0.9**t,
    "inverse-sqrt": lambda t, end: (1 + t) ** -0.5,
    "cosine": lambda t, end: (1 + math.cos(math.pi * t / end)) / 2,
    "one-cycle": lambda t, end: (
        0.04 + (1 - 0.04) * (1 - math.cos(math.pi * t / (0.3 * end))) / 2
        if t < 0.3 * end
        else 0.0001 + (1 - 0.0001) * (1 + math.cos(math.pi * (t - 0.3 * end) / (0.7 * end))) / 2
    ),
}
"""eta(t)/eta of each schedule with its defaults, written a second time; `test_schedules` holds torch's own."""


@pytest.mark.parametrize("name", SCHEDULES.members())
def test_schedule_follows_its_formula_behind_a_linear_warm_up(name):
    plain = make_config(learning_rate={"schedule": name, "initial": 0.2}).learning_rate
    times = range(50)
    assert [plain.rate(t, 50) for t in times] == pytest.approx([0.2 * FORMULAS[name](t, 50) for t in times], rel=1e-9)
    late = make_config(learning_rate={"schedule": name, "initial": 0.2, "warmup": 5}).learning_rate
    assert [late.rate(t, 55) for t in range(5)] == pytest.approx([0.2 * (t + 1) / 5 for t in range(5)])
    assert [late.rate(t + 5, 55) for t in times] == pytest.approx([plain.rate(t, 50) for t in times], rel=1e-9)


@pytest.mark.parametrize("name", SCHEDULES.members())
def test_schedule_depends_on_the_end_of_the_budget_only_if_it_says_so(name):
    schedule = make_config(learning_rate={"schedule": name}).learning_rate
    moved = [schedule.rate(t, 50) != schedule.rate(t, 80) for t in range(50)]
    assert any(moved) == schedule.needs_horizon


@pytest.mark.parametrize("name", MODELS.members())
def test_model_takes_its_rows_and_draws_from_the_seed(name):
    section, images = make_config(model=name).model, (1, 8, 8)
    model = build_model(section, images, 3, seed=0)
    rows = torch.randn(5, *section.row_shape(images))
    assert model(rows).shape == (5, 3)
    same, other = (build_model(section, images, 3, seed) for seed in (0, 1))
    assert torch.equal(model(rows), same(rows)) and not torch.equal(model(rows), other(rows))
    probabilities = build_model(make_config(model={"name": name, "output": "softmax"}).model, images, 3, seed=0)(rows)
    assert torch.allclose(probabilities.sum(1), torch.ones(5))


@pytest.mark.parametrize("name", MODELS.members())
def test_widths_of_a_model_are_those_of_its_linear_layers(name):
    section = make_config(model=name).model
    layers = [m for m in build_model(section, (1, 8, 8), 3, seed=0).modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    widths = section.widths(64, 3)
    if widths is not None:
        assert widths == (64, *(layer.out_features for layer in layers))
    else:
        assert any(isinstance(layer, nn.Conv2d) for layer in layers)


@pytest.mark.parametrize("name", SOURCES.members())
def test_source_is_read_split_and_treats_new_rows_alike(name, numbers, monkeypatch):
    monkeypatch.setattr("sgdlab.data.download._transfer", _no_network)
    section = make_config(dataset=described("dataset", name) | {"limit": 30, "validation": 0.2, "standardize": True})
    try:
        table, data = section.dataset.read(), load(section.dataset, 3)
    except DataError as error:
        pytest.skip(f"{name} is not on this machine: {str(error).splitlines()[0]}")
    assert len(data.train) == 24 and len(data.validation) == 6
    assert data.train.x.dtype == np.float32 and data.train.x.shape[1] == math.prod(data.input_shape)
    assert np.isfinite(data.train.x).all() and np.isfinite(data.train.y).all()
    assert load(section.dataset, 3).checksum == data.checksum and load(section.dataset, 4).checksum == data.checksum
    again = preprocess_from_json(preprocess_to_json(data.preprocess))
    names = [column.name for column in again.columns] or [str(i) for i in range(table.x.shape[1])]
    rows = apply_preprocess(again, pd.DataFrame(np.asarray(table.x[:30], float), columns=names))
    seen = np.concatenate([data.train.x, data.validation.x])
    apart = np.abs(rows[:, None] - seen[None]).max(axis=2)
    assert (apart.min(axis=1) < 1e-5).all() and (apart.min(axis=0) < 1e-5).all()


def _no_network(*_: object) -> None:
    from sgdlab.data.download import _Fault

    raise _Fault("no network in tests")
