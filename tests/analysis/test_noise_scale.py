"""Noise scale: exact values by hand, unbiased estimates, and coverage on a finite data set."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.analysis.gradient_std import gradient_std_law, predicted_gradient_std
from sgdlab.analysis.noise_scale import ExactNoiseScale, estimate_noise_scale, exact_from_sums


def data_set(rows=200, parameters=30, signal=1.0, seed=0):
    """Per-example gradients of unequal scale along the axes, skewed over examples."""
    rng = np.random.default_rng(seed)
    size = rng.gamma(2.0, 0.5, (rows, 1))
    noise = size * rng.standard_normal((rows, parameters)) * np.geomspace(1, 0.2, parameters)
    return noise + signal / math.sqrt(parameters)


def sq_norms(rng, gradients, size, batches, replacement):
    """|g_b|² of `batches` batches drawn independently: [batches]."""
    rows = len(gradients)
    if replacement:
        at = rng.integers(rows, size=(batches, size))
    else:
        at = rng.random((batches, rows)).argpartition(size - 1, axis=1)[:, :size]
    return (gradients[at].mean(axis=1) ** 2).sum(axis=1)


def exact_noise_scale(gradients) -> ExactNoiseScale:
    """The exact values of examples' gradients [N, P]."""
    g = np.asarray(gradients, dtype=np.float64)
    return exact_from_sums(len(g), g.sum(axis=0), float((g**2).sum()))


def test_exact_values_agree_with_the_hand_computation():
    found = exact_noise_scale([[1.0, 0.0], [3.0, 2.0], [2.0, 4.0]])
    # G = (2, 2), |G|² = 8; deviations (-1,-2), (1,0), (0,2): 5 + 1 + 4 = 10, over N - 1 = 2
    assert (found.grad_sq_norm, found.trace_sigma, found.b_simple, found.rows) == (8, 5, 0.625, 3)


def test_streamed_sums_give_the_scatter_about_the_mean():
    g = data_set()
    mean = g.mean(axis=0)
    found = exact_noise_scale(g)
    assert found.grad_sq_norm == pytest.approx(mean @ mean, rel=1e-12)
    assert found.trace_sigma == pytest.approx(((g - mean) ** 2).sum() / (len(g) - 1), rel=1e-12)


def test_a_vanishing_gradient_has_no_noise_scale():
    assert exact_noise_scale([[1.0], [-1.0]]).b_simple is None


@pytest.mark.parametrize("replacement", [False, True])
def test_estimates_are_unbiased_over_every_possible_batch_of_a_tiny_data_set(replacement):
    g = data_set(rows=5, parameters=3)
    draw = (
        (lambda b: itertools.product(range(5), repeat=b))
        if replacement
        else (lambda b: itertools.combinations(range(5), b))
    )
    small, large = (np.mean([(g[list(i)].mean(axis=0) ** 2).sum() for i in draw(b)]) for b in (2, 4))
    found = estimate_noise_scale([small, small], [large, large], 2, 4, 5, replacement)
    exact = exact_noise_scale(g)
    assert found.trace_sigma.estimate == pytest.approx(exact.trace_sigma, rel=1e-12)
    assert found.grad_sq_norm.estimate == pytest.approx(exact.grad_sq_norm, rel=1e-12)
    assert found.b_simple.estimate == pytest.approx(exact.b_simple, rel=1e-12)


def test_the_large_batch_may_be_the_whole_data_set():
    g = data_set()
    whole = float((g.mean(axis=0) ** 2).sum())
    small = sq_norms(np.random.default_rng(1), g, 8, 2000, replacement=False)
    found = estimate_noise_scale(small, np.full(2000, whole), 8, 200, 200)
    assert found.grad_sq_norm.estimate == pytest.approx(whole, rel=1e-9)  # nothing is left to estimate
    assert found.trace_sigma.low <= exact_noise_scale(g).trace_sigma <= found.trace_sigma.high


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize(("small", "large", "pairs"), [(4, 64, 20), (8, 100, 60)])
def test_95_percent_intervals_hold_the_exact_values_in_90_to_99_percent_of_repeats(small, large, pairs, replacement):
    g, rng, repeats = data_set(), np.random.default_rng(5), 300
    exact, hits, unresolved = exact_noise_scale(g), np.zeros(3), 0
    for _ in range(repeats):
        found = estimate_noise_scale(
            sq_norms(rng, g, small, pairs, replacement),
            sq_norms(rng, g, large, pairs, replacement),
            small,
            large,
            len(g),
            replacement,
        )
        if found.b_simple is None:
            unresolved += 1
            continue
        pairs_of = zip(
            (found.grad_sq_norm, found.trace_sigma, found.b_simple),
            (exact.grad_sq_norm, exact.trace_sigma, exact.b_simple),
            strict=True,
        )
        hits += [q.low <= truth <= q.high for q, truth in pairs_of]
    assert unresolved <= 6  # 2 %
    repeats -= unresolved
    assert (hits / repeats >= 0.90).all()
    assert (hits / repeats <= 0.99).all()


def test_numerator_and_denominator_are_averaged_before_they_are_divided():
    found = estimate_noise_scale([5.0, 9.0, 8.0], [3.0, 4.0, 3.5], 1, 2, None, replacement=True)
    # trΣ = 2(|g_b|² - |g_B|²) = 4, 10, 9;  |G|² = 2|g_B|² - |g_b|² = 1, -1, -1
    assert found.trace_sigma.estimate == pytest.approx(23 / 3)
    assert found.grad_sq_norm.estimate == pytest.approx(-1 / 3)
    assert found.b_simple is None


def test_where_the_interval_of_the_gradient_reaches_zero_there_is_no_number():
    g, rng = data_set(signal=0.0), np.random.default_rng(0)
    exact = exact_noise_scale(g)
    few = estimate_noise_scale(sq_norms(rng, g, 2, 20, False), sq_norms(rng, g, 16, 20, False), 2, 16, 200)
    assert few.grad_sq_norm.low <= 0
    assert few.b_simple is None
    below = estimate_noise_scale([8.0, 8.1, 7.9], [3.0, 3.05, 2.95], 1, 2, None, replacement=True)
    assert below.grad_sq_norm.high < 0
    assert below.b_simple is None
    many = estimate_noise_scale(sq_norms(rng, g, 2, 3000, False), sq_norms(rng, g, 190, 3000, False), 2, 190, 200)
    assert many.b_simple.low <= exact.b_simple <= many.b_simple.high


@given(st.floats(1e-6, 1e6), st.integers(0, 100))
def test_b_simple_does_not_change_with_the_unit_of_the_loss(scale, seed):
    g, rng = data_set(), np.random.default_rng(seed)
    small, large = sq_norms(rng, g, 4, 30, False), sq_norms(rng, g, 64, 30, False)
    one = estimate_noise_scale(small, large, 4, 64, 200).b_simple
    other = estimate_noise_scale(small * scale, large * scale, 4, 64, 200).b_simple
    assert (other.low, other.estimate, other.high) == pytest.approx((one.low, one.estimate, one.high))
    assert one.low <= one.estimate <= one.high


@pytest.mark.parametrize(
    "call",
    [
        lambda: exact_noise_scale([[1.0, 2.0]]),
        lambda: exact_noise_scale([1.0, 2.0]),
        lambda: exact_noise_scale([[1.0], [math.nan]]),
        lambda: exact_from_sums(3, [3.0], 1.0),
        lambda: estimate_noise_scale([1.0, 2.0], [1.0, 2.0], 8, 8, 100),
        lambda: estimate_noise_scale([1.0], [1.0], 2, 8, 100),
        lambda: estimate_noise_scale([1.0, math.inf], [1.0, 2.0], 2, 8, 100),
        lambda: estimate_noise_scale([1.0, 2.0], [1.0, 2.0], 2, 8, 4),
        lambda: estimate_noise_scale([1.0, 2.0], [1.0, 2.0], 2, 8, None),
    ],
)
def test_misuse_is_a_value_error(call):
    with pytest.raises(ValueError):
        call()


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_predicted_std_is_exact_over_every_possible_batch(size, replacement):
    g = data_set(rows=5, parameters=3)
    draw = itertools.product(range(5), repeat=size) if replacement else itertools.combinations(range(5), size)
    mean_square = np.mean([((g[list(i)].mean(axis=0) - g.mean(axis=0)) ** 2).sum() for i in draw])
    predicted = predicted_gradient_std(exact_noise_scale(g).trace_sigma, size, 5, replacement)
    assert predicted == pytest.approx(math.sqrt(mean_square), rel=1e-12)


def test_a_batch_of_all_rows_has_no_deviation_and_fresh_data_no_correction():
    assert predicted_gradient_std(4.0, 100, 100) == 0
    assert predicted_gradient_std(4.0, 16, None) == 0.5
    with pytest.raises(ValueError):
        predicted_gradient_std(4.0, 101, 100)


@pytest.mark.parametrize("replacement", [False, True])
def test_the_b_to_the_minus_half_law_holds_on_a_finite_data_set_in_90_to_99_percent_of_repeats(replacement):
    g, rng, repeats = data_set(), np.random.default_rng(2), 200
    centred, trace = g - g.mean(axis=0), exact_noise_scale(g).trace_sigma
    laws = [
        gradient_std_law(
            {b: sq_norms(rng, centred, b, 40, replacement) for b in (1, 4, 16, 64, 128)},
            trace,
            200,
            replacement,
        )
        for _ in range(repeats)
    ]
    assert 0.90 <= np.mean([law.holds for law in laws]) <= 0.99
    inside = [p.measured.low <= p.predicted <= p.measured.high for law in laws for p in law.points]
    assert 0.90 <= np.mean(inside) <= 0.99
    assert np.mean([law.slope.estimate for law in laws]) == pytest.approx(-0.5, abs=0.01)


def test_without_the_finite_data_correction_the_law_fails():
    g, rng = data_set(), np.random.default_rng(3)
    d = {b: sq_norms(rng, g - g.mean(axis=0), b, 200, False) for b in (1, 8, 64, 160)}
    trace = exact_noise_scale(g).trace_sigma
    assert gradient_std_law(d, trace, 200).holds
    assert not gradient_std_law(d, trace, None).holds


def test_the_law_needs_two_sizes_with_deviations():
    for deviations in (
        {4: [1.0, 2.0]},
        {4: [1.0, 2.0], 8: [1.0]},
        {4: [1.0, 2.0], 8: [0.0, 0.0]},
        {4: [1, 2], 100: [1, 2]},
    ):
        with pytest.raises(ValueError):
            gradient_std_law(deviations, 1.0, 100)
