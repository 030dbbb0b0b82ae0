# mypy: allow-untyped-calls, allow-untyped-defs
"""The compiled training steps against PyTorch: float64 eager is the judge, float32 eager the measure.

Native and float32 eager round the same sums in another order, so their distances to float64 are of one size;
FACTOR leaves room for the luck of one run. FLOOR stands for a run in which eager happens to round to the exact
result: a few units in the last place of the largest number, gathered over some twenty steps.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numba import njit
from numba.core.runtime import _nrt_python, rtsys  # type: ignore[attr-defined]
from scipy import special

from sgdlab.training.engines.native import elementwise, spec
from sgdlab.training.engines.native.steps import training_kernel
from sgdlab.training.engines.native.vectors import LANES, load, pointer, store

FACTOR = 4.0
FLOOR = 8 * float(np.finfo(np.float32).eps)


@dataclass
class Case:
    """A small training job, with the same start, rows and batches for every engine."""

    widths: list[int]
    activation: str = "relu"
    output: str = "logits"
    loss: str = "cross_entropy"
    optimiser: str = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    eps: float = 1e-8
    biased: bool = True
    rows: int = 150
    batch: int = 8
    lr: float = 0.01
    steps: int = 20
    x: Any = field(init=False)

    def __post_init__(self) -> None:
        draw = np.random.default_rng(1)
        self.x = draw.normal(size=(self.rows, self.widths[0])).astype(np.float32)
        self.labels = draw.integers(0, self.widths[-1], self.rows)
        self.targets = draw.normal(size=(self.rows, self.widths[-1])).astype(np.float32)
        epochs = -(-self.steps * self.batch // self.rows)
        orders = [draw.permutation(self.rows) for _ in range(epochs)]
        starts = np.concatenate([e * self.rows + np.arange(0, self.rows, self.batch) for e in range(epochs)])
        self.indices = np.concatenate(orders)
        self.offsets = np.append(starts, epochs * self.rows).astype(np.int64)
        self.rates = self.lr * np.linspace(1.0, 0.5, len(starts))  # a schedule
        torch.manual_seed(1)
        self.linears = [torch.nn.Linear(a, b, bias=self.biased) for a, b in pairwise(self.widths)]
        self.biases = [self.biased] * len(self.linears)

    def eager(self, kind: torch.dtype) -> tuple[list[Any], Any]:
        activation = {
            "relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid, "gelu": torch.nn.GELU,
        }[self.activation]  # fmt: skip
        modules: list[torch.nn.Module] = []
        for linear, (a, b) in zip(self.linears, pairwise(self.widths), strict=True):
            copy = torch.nn.Linear(a, b, bias=self.biased)
            copy.load_state_dict(linear.state_dict())
            modules += [copy, activation()]
        modules[-1] = torch.nn.Softmax(dim=1) if self.output == "softmax" else torch.nn.Identity()
        net = torch.nn.Sequential(*modules).to(kind)
        optimiser: torch.optim.Optimizer
        if self.optimiser in ("sgd", "nesterov"):
            nesterov = self.optimiser == "nesterov"
            optimiser = torch.optim.SGD(
                net.parameters(), momentum=self.momentum, weight_decay=self.weight_decay, nesterov=nesterov
            )
        else:
            rule = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.optimiser]
            optimiser = rule(net.parameters(), weight_decay=self.weight_decay, eps=self.eps)
        x, y, targets = (
            torch.from_numpy(self.x).to(kind),
            torch.from_numpy(self.labels),
            torch.from_numpy(self.targets),
        )
        losses = []
        for (begin, end), rate in zip(pairwise(self.offsets), self.rates, strict=True):
            rows = torch.from_numpy(self.indices[begin:end])
            if self.loss == "cross_entropy":
                loss = torch.nn.functional.cross_entropy(net(x[rows]), y[rows])
            else:
                loss = torch.nn.functional.mse_loss(net(x[rows]), targets[rows].to(kind))
                loss = loss / 2 if self.loss == "half_mse" else loss
            optimiser.param_groups[0]["lr"] = rate
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return [p.detach().double().numpy() for p in net.parameters()], np.array(losses)


class Native:
    """The buffers of one job and the call on them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.spec = spec.make_spec(case.widths, case.biases, case.activation, case.output, case.loss, case.optimiser)
        weights, biases, size = spec.parameter_layout(case.widths, case.biases)
        self.parameters = spec.aligned_zeros(size)
        self.slots = spec.aligned_zeros(2, size)
        self.workspace = spec.aligned_zeros(spec.workspace_size(self.spec))
        self.hyper = np.array([case.momentum, case.weight_decay, 0.9, 0.999, case.eps])
        self.losses = np.full(len(case.rates), -1.0)
        self.views = []
        for linear, weight, bias in zip(case.linears, weights, biases, strict=True):
            places = [(linear.weight, weight)] + ([(linear.bias, bias)] if case.biased else [])
            for tensor, place in places:
                view = self.parameters[place : place + tensor.numel()].reshape(tensor.shape)
                view[...] = tensor.detach().numpy()
                self.views.append(view)

    def train(self, first: int = 0, end: int | None = None) -> int:
        case = self.case
        end = len(case.rates) if end is None else end
        return training_kernel()(
            case.x, case.labels, case.targets, case.indices, case.offsets[first : end + 1], case.rates[first:end],
            first, self.parameters, self.slots, self.spec, self.hyper, self.workspace, self.losses[first:end],
        )  # fmt: skip


def distance(results: list[Any], exact: list[Any]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(results, exact, strict=True))


BLOCK = int(spec.make_spec([4, 3], [True], "relu", "logits", "mse", "sgd")[5])  # rows in a block at small widths
SGD: dict[str, Any] = {"optimiser": "sgd", "momentum": 0.9, "weight_decay": 0.01}
CASES = {
    "linear": Case([5, 1], loss="half_mse", batch=1, lr=0.005, steps=150),
    "linear classifier": Case([33, 10], batch=10, momentum=0.9),
    "one unit everywhere": Case([1, 1, 1], loss="mse", activation="tanh", batch=7),
    "one class (nothing but decay)": Case([3, 4, 1], batch=7, weight_decay=0.1),
    "no bias": Case([19, 21, 6], biased=False, optimiser="adam"),
    "three hidden layers": Case([37, 33, 17, 5, 3], activation="tanh", optimiser="adam", batch=13),
    "five hidden layers": Case([8, 16, 16, 16, 16, 16, 2], activation="gelu", optimiser="adamw", weight_decay=0.1),
    "sigmoid": Case([20, 8, 2], activation="sigmoid", **SGD),
    "gelu": Case([20, 83, 2], activation="gelu", optimiser="nesterov", momentum=0.9, weight_decay=0.01),
    "softmax under cross entropy": Case([30, 50, 10], output="softmax", optimiser="adam", lr=0.001),
    "softmax under mse": Case([30, 50, 10], output="softmax", loss="mse", optimiser="adam", lr=0.001),
    "many outputs": Case([12, 20, 101], output="softmax", loss="half_mse", **SGD),
    "many classes": Case([12, 20, 101], optimiser="adam", weight_decay=0.01),
    "adam without eps": Case([6, 5, 3], activation="tanh", optimiser="adam", eps=0.0),
    "last batch of one": Case([17, 9, 4], rows=41, batch=8, optimiser="adam"),
    "a block and one row": Case([4, 3, 2], rows=BLOCK + 1, batch=BLOCK + 1, optimiser="adam"),
    "several blocks": Case([40, 30, 7], rows=3 * BLOCK + 5, batch=3 * BLOCK + 5, activation="tanh", **SGD),
    "several blocks, wide rows": Case([1500, 20, 3], rows=200, batch=150, activation="relu", optimiser="adam"),
    "deep products": Case([1100, 150, 9], rows=90, batch=30, activation="relu", lr=0.001),
    "batch one": Case([50, 40, 3], batch=1, optimiser="adam", lr=0.001, steps=60),
}


@pytest.mark.parametrize("name", CASES)
def test_native_is_as_near_to_float64_as_float32_eager(name: str) -> None:
    case = CASES[name]
    exact, exact_losses = case.eager(torch.float64)
    eager, eager_losses = case.eager(torch.float32)
    native = Native(case)
    assert native.train() == len(case.rates)
    scale = max(float(np.abs(p).max()) for p in exact)
    allowed = FACTOR * max(distance(eager, exact), FLOOR * scale)
    assert distance(native.views, exact) <= allowed
    allowed = FACTOR * max(float(np.abs(eager_losses - exact_losses).max()), FLOOR * float(exact_losses.max()))
    assert np.abs(native.losses - exact_losses).max() <= allowed
    start = [p.detach().numpy() for linear in case.linears for p in linear.parameters()]
    assert distance(start, exact) > 20 * distance(native.views, exact)  # the run went somewhere


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 31, 79, 80, 81, 97])
def test_every_width_and_batch_around_the_tiles_is_right(size: int) -> None:
    """One step: the gradient, read from the weights, equals float64's to rounding."""
    for widths, batch in (([size, 6, 3], 9), ([7, size, 3], 9), ([7, 6, size], 9), ([7, 6, 3], size)):
        case = Case(widths, activation="tanh", batch=batch, rows=batch, steps=1, lr=1.0)
        native = Native(case)
        native.train()
        assert distance(native.views, case.eager(torch.float64)[0]) < 2e-6


@pytest.mark.parametrize("name", ["three hidden layers", "several blocks", "last batch of one", "gelu"])
def test_splitting_a_call_changes_no_bit(name: str) -> None:
    whole, split = Native(CASES[name]), Native(CASES[name])
    whole.train()
    steps = len(whole.losses)
    assert split.train(0, steps // 3) + split.train(steps // 3, steps) == steps
    assert whole.parameters.tobytes() == split.parameters.tobytes()
    assert whole.slots.tobytes() == split.slots.tobytes()
    assert whole.losses.tobytes() == split.losses.tobytes()


def test_repeated_call_gives_equal_bits() -> None:
    first, second = Native(CASES["many classes"]), Native(CASES["many classes"])
    first.train()
    second.train()
    assert first.parameters.tobytes() == second.parameters.tobytes()


@pytest.mark.parametrize("activation", spec.ACTIVATIONS)
@pytest.mark.parametrize("loss", spec.LOSSES)
@pytest.mark.parametrize("output", spec.OUTPUTS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_in_the_rows_are_seen(activation: str, loss: str, output: str, value: float) -> None:
    case = Case([20, 8, 3], activation=activation, loss=loss, output=output)
    row = case.indices[case.offsets[4]]
    case.x[row, 3] = value
    exact = case.eager(torch.float32)[1]
    native = Native(case)
    done = native.train()
    finite = np.isfinite(exact)
    expected = len(exact) if finite.all() else int(finite.argmin()) + 1
    assert done == expected
    assert np.isfinite(native.losses[: done - 1]).all()
    assert np.isfinite(native.losses[done - 1]) == finite.all()
    if np.isnan(value):
        assert done == 5


@pytest.mark.parametrize("optimiser", spec.OPTIMIZERS)
def test_divergence_stops_after_the_first_loss_that_is_not_finite(optimiser: str) -> None:
    case = Case([20, 8, 3], loss="mse", optimiser=optimiser, momentum=0.5, lr=1e30)
    native = Native(case)
    done = native.train()
    assert 1 < done < len(case.rates)
    assert np.isfinite(native.losses[: done - 1]).all()
    assert not np.isfinite(native.losses[done - 1])
    assert (native.losses[done:] == -1.0).all()  # untouched


def test_padding_between_tensors_stays_zero() -> None:
    native = Native(CASES["three hidden layers"])
    before = native.parameters.copy()
    for view in native.views:
        view[...] = 1.0
    inside = native.parameters == 1.0
    native.parameters[...] = before
    native.train()
    assert inside.sum() == sum(view.size for view in native.views) < native.parameters.size
    assert (native.parameters[~inside] == 0.0).all()
    assert (native.slots[:, ~inside] == 0.0).all()


def test_workspace_keeps_nothing_from_a_diverged_run() -> None:
    case = CASES["three hidden layers"]
    fresh, used = Native(case), Native(case)
    start = used.parameters.copy()
    used.parameters[...] = np.where(start == 0.0, 0.0, np.nan)
    used.train()
    used.parameters[...] = start
    used.slots[...] = 0.0
    fresh.train()
    used.train()
    assert fresh.parameters.tobytes() == used.parameters.tobytes()


def test_torch_sees_the_trained_parameters() -> None:
    native = Native(CASES["linear"])
    tensor = torch.from_numpy(native.parameters)
    before = tensor.clone()
    native.train()
    assert not torch.equal(before, tensor)


@pytest.mark.parametrize("optimiser", ["adam", "nesterov"])
def test_memories_of_dark_inputs_become_zero_and_not_denormal(optimiser: str) -> None:
    case = Case([3, 2], optimiser=optimiser, momentum=0.9, rows=2000, batch=1, steps=2000)
    case.x[:, 0] = 0.0
    case.x[case.indices[0], 0] = 1.0  # the first weight sees one example and nothing after it
    native = Native(case)
    assert native.train(0, 2) == 2
    assert (native.slots[0, [0, 3]] != 0.0).all()
    native.train(2)
    assert (native.slots[0, [0, 3]] == 0.0).all()


def test_steps_allocate_nothing() -> None:
    """numba wraps each array argument once per call; more steps must add nothing to that."""

    def allocations(steps: int) -> int:
        native = Native(CASES["several blocks, wide rows"])
        native.train(0, 1)
        _nrt_python.memsys_enable_stats()
        before = rtsys.get_allocation_stats()
        native.train(0, steps)
        after = rtsys.get_allocation_stats()
        _nrt_python.memsys_disable_stats()
        return int(after.alloc - before.alloc)

    assert allocations(1) == allocations(20)


def test_nothing_outside_the_buffers_is_written() -> None:
    for case in CASES.values():
        native = Native(case)
        guarded = {}
        for name in ("parameters", "slots", "workspace"):
            buffer = getattr(native, name)
            memory = spec.aligned_zeros(buffer.size + 64)
            memory[-64:] = 7.0
            inner = memory[: buffer.size].reshape(buffer.shape)
            inner[...] = buffer
            setattr(native, name, inner)
            guarded[name] = memory
        assert native.train() == len(case.rates)
        assert all((memory[-64:] == 7.0).all() for memory in guarded.values())


FUNCTIONS = {
    "exp": (np.exp, -87.0, 88.0, 2.0),
    "tanh": (np.tanh, -12.0, 12.0, 2.0),
    "sigmoid": (
        special.expit,
        -80.0,
        80.0,
        3.0,
    ),  # as torch.sigmoid: 1 + e**-x is rounded before the division
    "erf": (special.erf, -5.0, 5.0, 6.0),
}


def _mapped(name: str) -> Any:
    function = getattr(elementwise, name)

    @njit
    def over(x, y):
        for i in range(0, len(x), LANES):
            store(pointer(y), i, function(load(pointer(x), i)))

    return over


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_right_to_a_few_units_in_the_last_place(name: str) -> None:
    exact, low, high, units = FUNCTIONS[name]
    x = np.concatenate([np.linspace(low, high, 160_000), np.linspace(-1, 1, 160_000)]).astype(np.float32)
    y = np.empty_like(x)
    over = _mapped(name)
    over(x, y)
    expected = exact(x.astype(np.float64))
    unit = np.spacing(np.abs(expected).astype(np.float32))
    assert (np.abs(y - expected) / unit).max() <= units
    odd = np.tile(np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 89.0, -104.0, 0.0], np.float32), 2)
    y = np.empty_like(odd)
    over(odd, y)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(y, exact(odd.astype(np.float64)).astype(np.float32), rtol=1e-6, atol=1e-37)
