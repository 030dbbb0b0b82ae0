"""The trade-off fit: exact curves, calibration, censoring, and SGD on a noisy quadratic of known S(B)."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm

from sgdlab.analysis.steps_to_target import RunToTarget
from sgdlab.analysis.tradeoff import fit_tradeoff

SIZES = [8, 16, 32, 64, 128, 256, 512, 1024]
TRUTH = (100.0, 20000.0, 200.0)  # S_min, E_min, B_crit


def exact_runs(s_min, b_crit, sizes=SIZES, seeds=1):
    return [RunToTarget(b, seed, s_min * (1 + b_crit / b), True) for b in sizes for seed in range(seeds)]


def noisy_runs(rng, seeds, sd, seed_sd=0.0, size_sd=0.0, budget=math.inf, sizes=SIZES, truth=TRUTH):
    """log S about the curve with std `sd` for each run, `seed_sd` for each seed, `size_sd` for each size."""
    of_seed, of_size = rng.normal(0, seed_sd, seeds), rng.normal(0, size_sd, len(sizes))
    runs = []
    for i, b in enumerate(sizes):
        for j in range(seeds):
            s = truth[0] * (1 + truth[2] / b) * math.exp(rng.normal(0, sd) + of_seed[j] + of_size[i])
            runs.append(RunToTarget(b, j, min(s, budget), s <= budget))
    return runs


def covered(fit, truth):
    return [q.low <= t <= q.high for q, t in zip((fit.s_min, fit.e_min, fit.b_crit), truth, strict=True)]


def estimates(fit):
    return np.array([fit.s_min.estimate, fit.e_min.estimate, fit.b_crit.estimate])


def test_an_exact_curve_is_found_exactly_and_satisfies_the_hyperbola():
    fit = fit_tradeoff(exact_runs(100, 200, seeds=3))
    assert estimates(fit) == pytest.approx(TRUTH, rel=1e-6)
    assert fit.can_tell
    s = fit.steps(37)
    assert (s / 100 - 1) * (37 * s / 20000 - 1) == pytest.approx(1, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 1e4), st.integers(1, 50))
def test_fit_is_equivariant_under_scaling_of_steps_and_of_batch_sizes(seed, steps_by, sizes_by):
    runs = noisy_runs(np.random.default_rng(seed), 3, 0.1, budget=1500)
    scaled = [RunToTarget(r.batch_size * sizes_by, r.seed, r.steps * steps_by, r.reached) for r in runs]
    s_min, e_min, b_crit = estimates(fit_tradeoff(runs))
    expected = [s_min * steps_by, e_min * steps_by * sizes_by, b_crit * sizes_by]
    assert estimates(fit_tradeoff(scaled)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("seeds", "noise"),
    [
        (3, {"sd": 0.1}),
        (5, {"sd": 0.1, "seed_sd": 0.15}),  # a seed is fast or slow at every batch size
        (5, {"sd": 0.1, "seed_sd": 0.1, "size_sd": 0.08}),  # a coarse grid of rates
        (5, {"sd": 0.15, "seed_sd": 0.1, "budget": 1200.0}),  # most runs at the smallest sizes are censored
    ],
)
def test_95_percent_intervals_hold_the_truth_in_90_to_99_percent_of_repeats(seeds, noise):
    rng = np.random.default_rng(7)
    hits = np.mean([covered(fit_tradeoff(noisy_runs(rng, seeds, **noise)), TRUTH) for _ in range(200)], axis=0)
    assert (hits >= 0.90).all()
    assert (hits <= 0.99).all()


def test_without_the_scatter_of_seeds_shared_by_batch_sizes_one_seed_still_covers_b_crit():
    rng = np.random.default_rng(3)
    hits = [covered(fit_tradeoff(noisy_runs(rng, 1, 0.1, 0.2)), TRUTH)[2] for _ in range(300)]
    assert 0.90 <= np.mean(hits) <= 0.99


def test_intervals_shrink_with_seeds_but_not_below_the_scatter_of_batch_sizes():
    def width(seeds, size_sd):
        rng = np.random.default_rng(5)
        fits = [fit_tradeoff(noisy_runs(rng, seeds, 0.1, size_sd=size_sd)) for _ in range(30)]
        return np.median([math.log(f.b_crit.high / f.b_crit.low) for f in fits])

    assert width(16, 0.0) < 0.5 * width(4, 0.0)
    assert width(16, 0.1) > 0.7 * width(4, 0.1)


def test_scatter_and_misfit_are_what_was_put_in():
    rng = np.random.default_rng(11)
    fits = [fit_tradeoff(noisy_runs(rng, 8, 0.05, seed_sd=0.3, size_sd=0.1)) for _ in range(60)]
    assert np.mean([f.scatter**2 for f in fits]) == pytest.approx(0.05**2, rel=0.05)
    assert np.mean([f.misfit**2 for f in fits]) == pytest.approx(0.1**2, rel=0.2)


def test_censored_runs_are_neither_dropped_nor_taken_at_their_budget():
    rng = np.random.default_rng(2)
    naive, dropped, fitted = [], [], []
    for _ in range(40):
        runs = noisy_runs(rng, 5, 0.15, budget=1300)
        fitted.append(math.log(fit_tradeoff(runs).b_crit.estimate))
        naive.append(
            math.log(fit_tradeoff([RunToTarget(r.batch_size, r.seed, r.steps, True) for r in runs]).b_crit.estimate)
        )
        dropped.append(math.log(fit_tradeoff([r for r in runs if r.reached]).b_crit.estimate))
    bias = [abs(np.mean(x) - math.log(200)) for x in (fitted, dropped, naive)]
    assert bias[0] < 0.02 < bias[1] < bias[2]
    assert fit_tradeoff(runs).censored == sum(not r.reached for r in runs) > 0


def test_the_fit_with_censored_runs_is_the_maximum_of_the_likelihood():
    runs = noisy_runs(np.random.default_rng(6), 5, 0.3, budget=900)

    def negative_log_likelihood(theta):
        total = 0.0
        for r in runs:
            mean = theta[0] + math.log(1 + math.exp(theta[1]) / r.batch_size)
            law = norm(mean, math.exp(theta[2]))
            total -= law.logpdf(math.log(r.steps)) if r.reached else law.logsf(math.log(r.steps))
        return total

    fit = fit_tradeoff(runs)
    start = [math.log(fit.s_min.estimate), math.log(fit.b_crit.estimate), math.log(0.3)]
    best = minimize(negative_log_likelihood, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8})
    assert fit.censored > 8
    assert start[:2] == pytest.approx(best.x[:2], abs=1e-3)


def test_a_budget_nobody_needed_changes_nothing():
    rng = np.random.default_rng(4)
    runs = noisy_runs(rng, 4, 0.1)
    late = [*runs, RunToTarget(8, 99, 1.0, False)]  # censored so early that it says nothing
    assert estimates(fit_tradeoff(late)) == pytest.approx(estimates(fit_tradeoff(runs)), rel=1e-4)


def test_three_batch_sizes_are_too_few_and_sizes_that_nobody_reached_do_not_count():
    runs = exact_runs(100, 200, [8, 64, 512], seeds=5)
    for given_runs in (runs, [*runs, *(RunToTarget(1, s, 50, False) for s in range(5))]):
        fit = fit_tradeoff(given_runs)
        assert (fit.can_tell, fit.b_crit) == (False, None)
        assert "at 3 batch sizes, the fit needs 4" in fit.reason
    with pytest.raises(ValueError, match="no fit"):
        fit.steps(8)


@pytest.mark.parametrize(
    ("b_crit", "sizes", "remedy"),
    [
        (5000, [8, 16, 32, 64, 128], "measure larger batch sizes, 256 and more"),
        (3, [8, 16, 32, 64, 128], "measure smaller batch sizes"),
        (0.1, [1, 2, 4, 8], "no smaller batch size exists"),
    ],
)
def test_b_crit_outside_the_measured_sizes_cannot_be_told_and_the_remedy_is_named(b_crit, sizes, remedy):
    fit = fit_tradeoff(noisy_runs(np.random.default_rng(0), 5, 0.01, sizes=sizes, truth=(100, 0, b_crit)))
    assert not fit.can_tell
    assert remedy in fit.reason


@pytest.mark.parametrize("budget", [2000, 1000])  # at 1,000 the smallest size is censored
def test_steps_that_fall_in_exact_proportion_give_e_min_but_leave_b_crit_above_the_largest_size(budget):
    s = {b: 10000 / b for b in SIZES}
    fit = fit_tradeoff([RunToTarget(b, j, min(s[b], budget), s[b] <= budget) for b in SIZES for j in range(3)])
    assert not fit.can_tell
    assert "puts B_crit above 1024" in fit.reason
    assert fit.e_min.estimate == pytest.approx(10000, rel=0.01)


def test_an_interval_of_more_than_two_decades_cannot_be_told_and_asks_for_more():
    fit = fit_tradeoff(noisy_runs(np.random.default_rng(2), 2, 0.8, sizes=[8, 32, 128, 512]))
    assert fit.b_crit.high > 100 * fit.b_crit.low
    assert not fit.can_tell
    assert "at least 5 seeds instead of 2" in fit.reason


def test_no_runs_is_misuse():
    with pytest.raises(ValueError, match="no runs"):
        fit_tradeoff([])


class NoisyQuadratic:
    """SGD on L(w) = ½ Σ h_i w_i², gradient h_i w_i + noise of variance σ_i²/B, all noise independent.

    Exactly: E[w_i²] ← (1 − ηh_i)² E[w_i²] + η²σ_i²/B, so E[w_i²]_t = r^t (w_i0² − m) + m with r = (1 − ηh_i)²
    and m = ησ_i²/(B h_i (2 − ηh_i)).  Here σ_i² = 1.5 h_i as in least squares, w_0 = 1, target 2 % of L(w_0).
    """

    def __init__(self, dimension):
        self.h = np.geomspace(0.02, 1.0, dimension)
        self.variance = 1.5 * self.h
        self.target = 0.02 * 0.5 * self.h.sum()

    def expected_loss(self, eta, batch_size, step):
        """E[L] after `step` steps, from w_0 = 1.  eta, step: [K] -> [K]."""
        r = (1 - eta[:, None] * self.h) ** 2
        m = eta[:, None] * self.variance / (batch_size * self.h * (2 - eta[:, None] * self.h))
        return 0.5 * (r ** step[:, None] * (1 - m) + m) @ self.h

    def best_rate_and_steps(self, batch_size):
        """(η, S) that minimise the steps until E[L] meets the target, over 200 rates by bisection."""
        eta = np.geomspace(1e-3, 1.99, 200)
        eta = eta[self.expected_loss(eta, batch_size, np.full(200, 1e4)) < self.target]
        low, high = np.zeros(len(eta)), np.full(len(eta), 1e4)
        for _ in range(25):
            middle = (low + high) / 2
            above = self.expected_loss(eta, batch_size, middle) > self.target
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return float(eta[high.argmin()]), float(high.min())

    def simulate(self, rng, batch_size, eta, every, runs):
        """Steps at which each of `runs` runs is first seen at the target, evaluated every `every` steps."""
        w = np.ones((runs, len(self.h)), dtype=np.float32)
        shrink = (1 - eta * self.h).astype(np.float32)
        noise = (eta * np.sqrt(self.variance / batch_size)).astype(np.float32)
        arrived, step = np.full(runs, np.inf), 0
        while np.isinf(arrived).any():
            for _ in range(every):
                w = w * shrink + noise * rng.standard_normal(w.shape, dtype=np.float32)
            step += every
            loss = 0.5 * (w * w) @ self.h.astype(np.float32)
            arrived[(loss <= self.target) & np.isinf(arrived)] = step
        return arrived


QUADRATIC_SIZES = [4, 8, 16, 32, 64, 128, 256]


def test_the_recursion_of_the_second_moment_is_what_sgd_does():
    data = NoisyQuadratic(100)
    rng = np.random.default_rng(0)
    w, eta, batch_size = np.ones((4000, 100)), 0.1, 16
    for _ in range(40):
        noise = rng.standard_normal(w.shape) * np.sqrt(data.variance / batch_size)
        w = w - eta * (data.h * w + noise)
    losses = 0.5 * (w * w) @ data.h
    error = losses.std() / math.sqrt(len(losses))
    expected = data.expected_loss(np.array([eta]), batch_size, np.array([40.0]))
    assert losses.mean() == pytest.approx(expected[0], abs=4 * error)
    assert error < 0.005 * expected[0]


def test_the_curve_describes_the_exact_noisy_quadratic_and_b_crit_is_not_b_simple():
    data = NoisyQuadratic(120)
    curve = {b: data.best_rate_and_steps(b)[1] for b in QUADRATIC_SIZES}
    fit = fit_tradeoff([RunToTarget(b, 0, s, True) for b, s in curve.items()])
    assert fit.can_tell
    assert all(fit.steps(b) == pytest.approx(s, rel=0.03) for b, s in curve.items())
    b_simple_at_start = data.variance.sum() / (data.h**2).sum()
    assert fit.b_crit.estimate > 10 * b_simple_at_start


def test_sgd_on_the_noisy_quadratic_finds_the_b_crit_of_its_exact_curve():
    # Dimension 1,000 and an evaluation every 5 % of S: in small dimensions, or evaluated at every step, the
    # first passage of a fluctuating loss comes before the passage of its expectation.
    data, rng, repeats, seeds = NoisyQuadratic(1000), np.random.default_rng(1), 80, 5
    exact, runs = [], []
    for b in QUADRATIC_SIZES:
        eta, steps = data.best_rate_and_steps(b)
        every = max(1, round(0.05 * steps))
        exact.append(RunToTarget(b, 0, every * math.ceil(steps / every), True))
        arrived = data.simulate(rng, b, eta, every, repeats * seeds)
        runs.append([[RunToTarget(b, j, s, True) for j, s in enumerate(five)] for five in arrived.reshape(-1, 5)])
    truth = estimates(fit_tradeoff(exact))
    fits = [fit_tradeoff([r for of_size in runs for r in of_size[k]]) for k in range(repeats)]
    hits = np.mean([covered(fit, truth) for fit in fits], axis=0)
    assert (hits >= 0.90).all()
    assert np.median([fit.b_crit.high / fit.b_crit.low for fit in fits]) < 1.5  # and not by being wide
