"""Intervals: known answers, and coverage by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.analysis.intervals import (
    censored_median_interval,
    mean_interval,
    median_interval,
    skewed_mean_interval,
    skewed_t_limits,
)
from sgdlab.analysis.wording import with_interval

numbers = st.floats(-1e6, 1e6)


def test_mean_interval_of_1_to_5_is_the_textbook_one():
    found = mean_interval([1, 2, 3, 4, 5])
    assert found.estimate == 3
    assert found.high - 3 == pytest.approx(2.7764451 * math.sqrt(2.5 / 5), rel=1e-7)  # t table, 4 df
    assert found.low == pytest.approx(6 - found.high)


def test_one_value_bounds_no_mean_and_attains_no_level_for_the_median():
    assert (mean_interval([2.0]).low, mean_interval([2.0]).high) == (-math.inf, math.inf)
    assert median_interval([2.0]).level == 0


@pytest.mark.parametrize(
    ("n", "k", "level"),
    [(3, 1, 0.75), (5, 1, 0.9375), (6, 1, 0.96875), (9, 2, 0.9609375), (20, 6, 0.958610534667969)],
)
def test_median_interval_takes_the_rank_of_the_tables_and_reports_its_level(n, k, level):
    found = median_interval(list(range(1, n + 1)))
    assert (found.low, found.high) == (k, n + 1 - k)
    assert found.level == pytest.approx(level, abs=1e-12)


def test_intervals_hold_the_truth_at_the_level_they_state():
    rng, repeats = np.random.default_rng(0), 2000
    normal, skewed = rng.normal(3, 2, (repeats, 5)), rng.exponential(size=(repeats, 5))
    mean = np.mean([i.low <= 3 <= i.high for i in map(mean_interval, normal)])
    median = np.mean([i.low <= math.log(2) <= i.high for i in map(median_interval, skewed)])
    assert mean == pytest.approx(0.95, abs=0.015)  # three standard errors of 2,000 repeats
    assert median == pytest.approx(0.9375, abs=0.017)


def test_the_skewed_interval_is_students_without_skew_and_covers_better_with_it():
    symmetric = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert skewed_mean_interval(symmetric) == mean_interval(symmetric)
    rng = np.random.default_rng(0)
    rows = rng.gamma(0.5, 2.0, (2000, 25))  # mean 1, skewness 2.8
    student, hall = (
        np.mean([i.low <= 1 <= i.high for i in map(interval, rows)])
        for interval in (mean_interval, skewed_mean_interval)
    )
    assert student < 0.91 < hall < 0.97


def test_the_skewed_limits_solve_halls_cubic():
    x = np.array([0.1, 0.2, 0.2, 0.4, 0.5, 0.9, 3.0])
    skew = ((x - x.mean()) ** 3).mean() / x.std() ** 3
    root_n, student = math.sqrt(7), 2.4469119  # t table, 6 df
    for t, y in zip(skewed_t_limits(x.tolist()), (-student, student), strict=True):
        cubic = t + skew * t**2 / (3 * root_n) + skew**2 * t**3 / (27 * 7) + skew / (6 * root_n)
        assert cubic == pytest.approx(y, abs=1e-6)


def test_censored_values_are_infinite_above_and_their_budget_below():
    found = censored_median_interval([30, 10, 50, 50, 50], [True, True, False, False, False])
    assert (found.estimate, found.low, found.high) == (math.inf, 10, math.inf)
    mostly = censored_median_interval([30, 10, 20, 25, 50], [True, True, True, True, False])
    assert (mostly.estimate, mostly.low, mostly.high) == (25, 10, math.inf)


def test_an_interval_whose_low_end_is_censored_stays_above_its_budget():
    found = censored_median_interval([100] * 5, [False] * 5)
    assert (found.low, found.estimate, found.high) == (100, math.inf, math.inf)


@given(st.lists(st.one_of(numbers, st.just(math.inf)), min_size=1, max_size=30), st.floats(0.5, 0.99))
def test_median_interval_contains_the_median_and_its_ends_are_values(values, level):
    found = median_interval(values, level)
    assert found.low <= found.estimate <= found.high
    assert found.low in values
    assert found.high in values


@given(st.lists(numbers, min_size=2, max_size=20), st.floats(0.5, 0.9))
def test_a_higher_level_never_narrows_an_interval(values, level):
    for interval in (mean_interval, median_interval):
        narrow, wide = interval(values, level), interval(values, level + 0.09)
        assert wide.low <= narrow.low
        assert wide.high >= narrow.high


@pytest.mark.parametrize(
    "call",
    [
        lambda: mean_interval([]),
        lambda: mean_interval([1.0, math.nan]),
        lambda: mean_interval([1.0, math.inf]),
        lambda: mean_interval([1.0, 2.0], 95),
        lambda: skewed_mean_interval([1.0]),
        lambda: median_interval([1.0, math.nan]),
        lambda: median_interval([-math.inf]),
        lambda: censored_median_interval([1.0, math.inf], [True, False]),
        lambda: censored_median_interval([1.0, 2.0], [True]),
    ],
)
def test_misuse_is_a_value_error(call):
    with pytest.raises(ValueError):
        call()


@pytest.mark.parametrize(
    ("triple", "text"),
    [
        ((0.0108, 0.0062, 0.0154), "0.0108 [0.0062, 0.0154]"),
        ((0.0108, -0.0062, 0.0354), "0.011 [-0.006, 0.035]"),
        ((1234.5, 1100.2, 1400.9), "1234 [1100, 1401]"),
        ((2.0, 2.0, 2.0), "2 [2, 2]"),
        ((3.0, -math.inf, math.inf), "3 [-∞, ∞]"),
    ],
)
def test_numbers_are_shown_to_two_digits_of_their_uncertainty(triple, text):
    assert with_interval(*triple) == text
