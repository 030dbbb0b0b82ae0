"""Range test, largest stable rate, and rules that move a rate between batch sizes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.analysis.lr_range import range_test, smooth
from sgdlab.analysis.scaling_rules import AdamSettings, adam_rule, linear_rule, sqrt_rule
from sgdlab.analysis.stable_rate import largest_stable_rate

RATES = np.geomspace(1e-4, 1e2, 300)


def swept(curvatures, rates=RATES, noise=0.0, seed=0):
    """Losses of gradient descent on ½ Σ h w², w = 1 at first, one step at each rate."""
    rng = np.random.default_rng(seed)
    w, losses = np.ones(len(curvatures)), []
    for rate in rates:
        losses.append(0.5 * curvatures @ w**2 + noise * rng.standard_normal())
        w = w - rate * curvatures * w
    return np.array(losses)


def descent_stays_bounded(curvatures, rate, steps=300):
    w, losses = np.ones(len(curvatures)), []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            losses.append(0.5 * float(curvatures @ w**2))
            w = w - rate * curvatures * w
    return bool(np.isfinite(losses).all() and np.mean(losses[-10:]) <= np.mean(losses[:10]))


def test_the_suggestion_lies_on_the_fall_and_below_the_minimum():
    found = range_test(RATES, swept(np.array([1.0, 0.01]), noise=0.01))
    lowest = found.rates[int(np.argmin(found.smoothed))]
    assert 0.01 < found.suggestion < lowest
    assert found.cut_rate is None


def test_the_suggestion_is_where_a_known_curve_falls_fastest():
    x = np.log(RATES / 0.05)
    falls_at_005_and_rises_at_10 = 2 - 1 / (1 + np.exp(-2 * x)) + (RATES / 10) ** 2
    assert range_test(RATES, falls_at_005_and_rises_at_10).suggestion == pytest.approx(0.05, rel=0.1)


def test_the_sweep_overshoots_the_stability_limit_of_2_that_bisection_finds():
    curvatures = np.array([1.0, 0.01])
    losses = swept(curvatures, np.geomspace(1e-4, 1e3, 100))
    assert np.geomspace(1e-4, 1e3, 100)[np.argmin(losses)] > 4
    found = largest_stable_rate(lambda rate: descent_stays_bounded(curvatures, rate), 1e-3, 1e3)
    assert found.rate == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize("largest", [0.5, 2.098, 30.0])
def test_largest_stable_rate_of_full_batch_descent_is_2_over_the_largest_curvature(largest):
    curvatures = np.geomspace(0.01, 1, 50) * largest
    found = largest_stable_rate(lambda rate: descent_stays_bounded(curvatures, rate), 1e-4, 1e3, ratio=1.01)
    assert found.rate == pytest.approx(2 / largest, rel=0.02)
    assert found.stable <= 2 / largest * 1.02
    assert found.unstable / found.stable <= 1.01


@given(st.floats(1e-5, 1e2), st.floats(1.001, 2))
def test_bisection_brackets_the_boundary_within_its_ratio(boundary, ratio):
    found = largest_stable_rate(lambda rate: rate <= boundary, 1e-6, 1e3, ratio)
    assert found.stable <= boundary < found.unstable
    assert found.unstable / found.stable <= ratio * (1 + 1e-12)
    assert found.trials <= 3 + math.log2(math.log(1e9) / math.log(ratio))


def test_a_boundary_outside_the_rates_tried_gives_no_number():
    all_stable = largest_stable_rate(lambda _: True, 1e-3, 1.0)
    assert (all_stable.rate, all_stable.stable, all_stable.unstable) == (None, 1.0, None)
    assert "highest rate tried, 1" in all_stable.reason
    none_stable = largest_stable_rate(lambda _: False, 1e-3, 1.0)
    assert (none_stable.rate, none_stable.stable, none_stable.unstable) == (None, None, 1e-3)


@pytest.mark.parametrize(("low", "high", "ratio"), [(0, 1, 1.1), (2, 1, 1.1), (1, 2, 1.0)])
def test_a_senseless_bracket_is_a_value_error(low, high, ratio):
    with pytest.raises(ValueError):
        largest_stable_rate(lambda _: True, low, high, ratio)


def test_the_sweep_is_cut_at_its_first_non_finite_loss_and_nothing_is_invented_after_it():
    losses = swept(np.array([1.0, 0.1]), noise=0.001)
    clean = range_test(RATES[:250], losses[:250], window=15)
    losses[250], losses[260] = math.nan, 0.0
    found = range_test(RATES, losses, window=15)
    assert found.cut_rate == RATES[250]
    assert len(found.rates) == len(found.smoothed) == 250
    assert found.smoothed == clean.smoothed


def test_a_finite_explosion_does_not_disturb_the_suggestion():
    losses = swept(np.array([1.0]), noise=0.01)
    bounded = range_test(RATES, np.minimum(losses, 1e6))
    assert losses.max() > 1e60
    assert range_test(RATES, losses).suggestion == bounded.suggestion is not None
    assert range_test(RATES, np.where(losses > 1e6, 1e308, losses)).suggestion == bounded.suggestion


def test_noise_without_a_fall_gives_no_suggestion():
    rng = np.random.default_rng(0)
    suggestions = [range_test(RATES, 2.3 + 0.1 * rng.standard_normal(300)).suggestion for _ in range(200)]
    assert sum(s is not None for s in suggestions) <= 2  # at most 1 in 100


def test_a_rising_loss_and_a_loss_still_falling_and_a_short_sweep_give_none_with_the_reason():
    falling = swept(np.array([1.0]), RATES[:180])
    for losses, rates, reason in (
        (np.linspace(1, 5, 300), RATES, "never fell"),
        (falling, RATES[:180], "sweep further"),
        ([2.0, 1.0, math.nan] * 10, RATES[:30], "only 2 finite losses"),
    ):
        found = range_test(rates, losses)
        assert found.suggestion is None
        assert reason in found.reason


def test_rates_out_of_order_are_a_value_error():
    for rates, losses in (([0.2, 0.1], [1, 1]), ([0, 0.1], [1, 1]), ([0.1, 0.2], [1])):
        with pytest.raises(ValueError):
            range_test(rates, losses)


@given(st.floats(-5, 5), st.floats(-5, 5), st.integers(1, 30), st.integers(1, 60))
def test_smoothing_leaves_a_straight_line_as_it_is(level, slope, window, n):
    line = level + slope * np.arange(n)
    assert smooth(line, window) == pytest.approx(line, abs=1e-9)


def test_linear_and_square_root_rules_at_four_times_the_batch():
    assert linear_rule(0.1, 64, 256).learning_rate == pytest.approx(0.4)
    assert linear_rule(0.1, 64, 256).warmup_epochs == 5
    assert linear_rule(0.4, 256, 64) == type(linear_rule(0.1, 1, 1))(0.1, 0.0)
    assert sqrt_rule(0.1, 64, 256) == pytest.approx(0.2)


def test_adam_rule_at_four_times_the_batch_by_hand():
    moved = adam_rule(AdamSettings(0.001, 0.9, 0.999, 1e-8), 64, 256)
    assert moved.learning_rate == pytest.approx(0.002)
    assert (moved.beta1, moved.beta2) == pytest.approx((0.6, 0.996))
    assert moved.eps == pytest.approx(5e-9)


@given(st.integers(1, 500), st.integers(1, 500))
def test_rules_to_a_batch_and_back_change_nothing(a, b):
    settings = AdamSettings(0.001, 0.999, 0.9999, 1e-8)
    back = adam_rule(adam_rule(settings, a, b), b, a)
    assert (back.learning_rate, back.beta1, back.beta2, back.eps) == pytest.approx(
        (0.001, 0.999, 0.9999, 1e-8), rel=1e-9
    )
    assert sqrt_rule(sqrt_rule(0.3, a, b), b, a) == pytest.approx(0.3)


def test_adam_rule_refuses_from_ten_times_the_batch_at_beta1_of_09():
    settings = AdamSettings(0.001, 0.9, 0.999, 1e-8)
    assert adam_rule(settings, 10, 99).beta1 == pytest.approx(0.01)
    with pytest.raises(ValueError, match=r"beta1 0\.9 cannot be moved from batch size 10 to 100"):
        adam_rule(settings, 10, 100)
    with pytest.raises(ValueError, match=r"reaches batch sizes below 100$"):
        adam_rule(settings, 10, 101)
    with pytest.raises(ValueError, match="beta2"):
        adam_rule(AdamSettings(0.001, 0.999, 0.9, 1e-8), 10, 100)


def test_senseless_settings_are_value_errors():
    for call in (
        lambda: linear_rule(0.1, 0, 8),
        lambda: sqrt_rule(math.nan, 8, 16),
        lambda: sqrt_rule(0.0, 8, 16),
        lambda: adam_rule(AdamSettings(0.1, 1.0, 0.9, 0), 8, 16),
    ):
        with pytest.raises(ValueError):
            call()
