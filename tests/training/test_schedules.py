"""Learning-rate schedules: against torch's own, against their formulas, and at their ends."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.training.sampling import batch_plan
from sgdlab.training.schedules import RateSchedule, total_steps
from tests.support import make_config

ROWS, SIZE = 40, 10  # four steps an epoch


def schedule(**values) -> RateSchedule:
    config = make_config(**{"epochs": 12, "batch_size": SIZE} | values)
    batches = batch_plan(config, ROWS)
    return RateSchedule(config.learning_rate, batches, total_steps(config, batches))


def rates(steps: int, **rate) -> list[float]:
    return list(schedule(learning_rate=rate).rates(0, steps))


def torch_rates(steps: int, make, initial: float = 0.1) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=initial)
    scheduler = make(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


TORCH: dict[str, tuple[dict[str, Any], Any]] = {
    "step": ({"schedule": "step", "every": 3, "factor": 0.5}, lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5)),
    "exponential": (
        {"schedule": "exponential", "every": 1, "factor": 0.9},
        lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    ),
    "cosine": (
        {"schedule": "cosine", "final": 0.1},
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=48, eta_min=0.01),
    ),
    "warmup": ({"warmup": 5}, lambda o: torch.optim.lr_scheduler.LinearLR(o, 1 / 5, 1, total_iters=4)),
    "inverse-sqrt": (
        {"schedule": "inverse-sqrt", "every": 2},
        lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda t: (1 + t / 2) ** -0.5),
    ),
    "warmup then step": (
        {"schedule": "step", "every": 2, "factor": 0.5, "warmup": 4},
        lambda o: torch.optim.lr_scheduler.SequentialLR(
            o,
            [torch.optim.lr_scheduler.LinearLR(o, 1 / 4, 1, total_iters=3), torch.optim.lr_scheduler.StepLR(o, 2, 0.5)],
            milestones=[4],
        ),
    ),
}


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_schedule_per_step_equals_torchs_own(name):
    options, make = TORCH[name]
    ours = rates(48, initial=0.1, per="step", **options)
    assert ours == pytest.approx(torch_rates(48, make), rel=1e-9)


@pytest.mark.parametrize("name", ["step", "exponential", "inverse-sqrt", "warmup", "warmup then step"])
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_schedule_per_epoch_holds_torchs_value_through_each_epoch(name):
    options, make = TORCH[name]
    ours = rates(48, initial=0.1, **options)
    assert ours == pytest.approx(np.repeat(torch_rates(12, make), 4), rel=1e-9)


def test_cosine_per_epoch_ends_with_the_budget_and_not_with_the_steps():
    ours = rates(48, initial=0.1, schedule="cosine")
    wanted = [0.1 * (1 + math.cos(math.pi * epoch / 12)) / 2 for epoch in range(12)]
    assert ours == pytest.approx(np.repeat(wanted, 4))


def test_cosine_after_warmup_spans_what_is_left():
    ours = rates(48, initial=0.1, schedule="cosine", per="step", warmup=8)
    assert ours[7] == ours[8] == pytest.approx(0.1)
    assert ours[8 + 20] == pytest.approx(0.05)  # half of the 40 steps that are left


def test_one_cycle_starts_peaks_and_ends_where_it_says():
    ours = rates(48, initial=0.1, schedule="one-cycle", per="step", rise=0.25, start=0.04, final=0.001)
    assert ours[0] == pytest.approx(0.004)
    assert max(ours) == ours[12] == pytest.approx(0.1)
    assert ours[6] == pytest.approx(0.1 * (1 + 0.04) / 2)
    assert all(np.diff(ours[:13]) > 0) and all(np.diff(ours[12:]) < 0)
    one_more = 0.1 * (0.001 + (1 - 0.001) * (1 + math.cos(math.pi * 35 / 36)) / 2)
    assert ours[-1] == pytest.approx(one_more)


def test_constant_rate_is_constant():
    assert set(rates(48, initial=0.3)) == {0.3}


@given(warmup=st.floats(0.1, 20), initial=st.floats(1e-3, 10), per=st.sampled_from(["step", "epoch"]))
def test_warmup_of_any_length_rises_and_never_passes_the_rate(warmup, initial, per):
    ours = rates(48, initial=initial, warmup=warmup, per=per)
    assert all(np.diff(ours) >= 0) and max(ours) <= initial and ours[0] > 0


@pytest.mark.parametrize("name", ["step", "exponential"])
def test_rate_beyond_every_float_is_infinite_and_no_crash(name):
    assert rates(400, initial=0.1, schedule=name, factor=1e9, per="step")[-1] == math.inf


@given(first=st.integers(0, 60), count=st.integers(1, 30), name=st.sampled_from(sorted(TORCH)))
def test_rates_of_a_segment_are_those_of_its_steps(first, count, name):
    plan = schedule(learning_rate={"initial": 0.1, **TORCH[name][0]})
    assert list(plan.rates(first, first + count)) == [plan.lr_at(step) for step in range(first, first + count)]


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ({"epochs": 3}, 12),
        ({"epochs": 2.5}, 10),
        ({"epochs": 0.3}, 2),  # 12 of 40 rows take a second batch
        ({"epochs": 1e-9}, 1),
        ({"budget": "7 steps"}, 7),
        ({"budget": "95 examples"}, 10),
        ({"budget": "3 seconds"}, None),
        ({"epochs": 2, "batch_size": "full"}, 2),
        ({"epochs": 2, "batch_size": 39}, 4),
    ],
)
def test_budget_in_updates(values, steps):
    config = make_config(**{"batch_size": SIZE} | values)
    assert total_steps(config, batch_plan(config, ROWS)) == steps
