"""Steps to target: first arrival, censoring, efficiency against perfect scaling."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.analysis.steps_to_target import RunToTarget, steps_to_target, summarise_steps

STEPS = [0, 10, 20, 30, 40]


def seeds(batch_size, steps, budget=1000):
    """Runs of seeds 0, 1, ...; None is a run that never arrived within the budget."""
    return [RunToTarget(batch_size, seed, budget if s is None else s, s is not None) for seed, s in enumerate(steps)]


def test_the_first_evaluation_that_reaches_the_target_counts_even_if_later_ones_leave_it():
    assert steps_to_target(STEPS, [2.0, 1.0, 0.5, 0.9, 0.4], 0.5) == 20
    assert steps_to_target(STEPS, [0.1, 0.5, 0.9, 0.8, 0.95], 0.9, lower_is_better=False) == 20


def test_a_target_never_reached_is_none():
    assert steps_to_target(STEPS, [2.0, 1.0, 0.5, 0.9, 0.4], 0.39) is None
    assert steps_to_target([], [], 0.5) is None


def test_non_finite_values_reach_nothing():
    assert steps_to_target(STEPS, [2.0, math.nan, -math.inf, 0.3, math.nan], 0.5) == 30
    assert steps_to_target(STEPS, [0.1, math.inf, math.nan, 0.2, 0.3], 0.5, lower_is_better=False) is None


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=40),
    st.floats(-10, 10),
    st.floats(0, 10),
    st.booleans(),
)
def test_an_easier_target_is_reached_no_later(values, target, ease, lower_is_better):
    steps = list(range(len(values)))
    hard = steps_to_target(steps, values, target, lower_is_better)
    easy = steps_to_target(steps, values, target + ease if lower_is_better else target - ease, lower_is_better)
    if hard is not None:
        assert easy is not None
        assert easy <= hard


@pytest.mark.parametrize(
    ("steps", "values", "target"),
    [([0, 10], [1.0], 0.5), ([0, 10, 10], [1.0, 0.9, 0.8], 0.5), ([0, 10], [1.0, 0.9], math.nan)],
)
def test_misuse_is_a_value_error(steps, values, target):
    with pytest.raises(ValueError):
        steps_to_target(steps, values, target)


def test_a_target_met_before_the_first_step_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="choose a better value"):
        RunToTarget(8, 0, 0.0, True)


def test_perfect_scaling_has_efficiency_one_and_a_plateau_falls_as_one_over_b():
    rows = summarise_steps(seeds(64, [50] * 5) + seeds(8, [400] * 5) + seeds(512, [50] * 5))
    assert [row.batch_size for row in rows] == [8, 64, 512]
    assert [row.efficiency for row in rows] == [1, 1, 1 / 8]
    assert [row.examples.estimate for row in rows] == [3200, 3200, 25600]


def test_a_row_gives_median_interval_reached_and_examples():
    (row,) = summarise_steps(seeds(8, [300, 100, 200, 500, None]))
    assert (row.runs, row.reached) == (5, 4)
    assert (row.steps.estimate, row.steps.low, row.steps.high) == (300, 100, math.inf)
    assert (row.examples.estimate, row.examples.low, row.examples.high) == (2400, 800, math.inf)
    assert row.steps.level == 0.9375


def test_a_median_over_mostly_censored_runs_is_more_than_the_budget_and_never_a_number():
    rows = summarise_steps(seeds(8, [100, 200, None, None, None]) + seeds(64, [40] * 5))
    assert rows[0].steps.estimate == math.inf
    assert rows[0].at_least == 1000
    assert rows[0].efficiency is None
    assert (rows[1].reference, rows[1].efficiency) == (64, 1)


def test_where_exactly_half_arrived_the_median_is_bounded_by_half_way_to_the_budget():
    (row,) = summarise_steps(seeds(8, [100, 200, None, None]))
    assert row.steps.estimate == math.inf
    assert row.at_least == 600


def test_where_nothing_arrived_there_is_no_reference_and_no_efficiency():
    rows = summarise_steps(seeds(8, [None] * 3) + seeds(64, [None] * 3))
    assert [(row.reached, row.reference, row.efficiency) for row in rows] == [(0, None, None)] * 2


def test_a_seed_that_stands_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        summarise_steps(seeds(8, [100]) + seeds(8, [100]))
    with pytest.raises(ValueError, match="no runs"):
        summarise_steps([])
