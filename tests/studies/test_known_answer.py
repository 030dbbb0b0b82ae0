"""A study through the real engine on noisy linear regression, whose expected S(B) an exact recursion gives."""

import numpy as np
import pytest

import sgdlab
from sgdlab.analysis.steps_to_target import RunToTarget
from sgdlab.analysis.tradeoff import fit_tradeoff
from tests.support import write_config

CURVATURES, WEIGHTS = np.repeat([1.0, 0.01], 64), np.repeat([1.0, 4.0], 64)
NOISE = 1.0  # variance of the targets about the true line
TARGET = 1.2  # half the mean squared error; 37.6 at w = 0, 0.5 at the best
SIZES = (8, 32, 128, 512)
ROWS = """
import numpy as np
def rows():
    random = np.random.default_rng(0)
    x = random.normal(size=(10000, 128)) * np.sqrt(np.repeat([1.0, 0.01], 64))
    return x, x @ np.repeat([1.0, 4.0], 64)[:, None] + random.normal(size=(10000, 1))
"""


def expected_steps(batch: int, rate: float, most: int = 5000) -> float:
    """Steps until E[loss] = ½(σ² + Σ λ_i c_i) is at the target, c_i = E[(w_i − w*_i)²], rows drawn anew:

    c' = (1 − ηλ)² c + (η²/B)(λ² c + λ Σ_j λ_j c_j + σ² λ)   (fourth moments of Gaussian rows).
    """
    lam, c = CURVATURES, WEIGHTS**2
    before = 0.5 * (NOISE + lam @ c)
    for step in range(1, most):
        c = (1 - rate * lam) ** 2 * c + rate**2 / batch * (lam**2 * c + lam * (lam @ c) + NOISE * lam)
        loss = 0.5 * (NOISE + lam @ c)
        if loss <= TARGET:
            return step - 1 + np.log(before / TARGET) / np.log(before / loss)
        if not loss < 1e6:
            break
        before = loss
    return float(most)


def fastest(batch: int) -> float:
    """S(B) at the best of the rates that a study of this config may choose: quarters of a decade from 0.1."""
    return min(expected_steps(batch, 0.1 * 10 ** (k / 4)) for k in range(-8, 6))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("known")
    (folder / "noisy.py").write_text(ROWS)
    values = {
        "dataset": {"name": "noisy.py:rows"},
        "model": {"name": "linear", "init": {"name": "normal", "std": 1e-6}},
        "loss": "half_mse",
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "batch_size": 16,
        "sampling": "replacement",
        "budget": "5000 steps",
        "engine": "native",
    }
    config = write_config(folder / "noisy.yaml", values)
    stop_at = f"val_loss={TARGET}"
    return sgdlab.study(config, batch_sizes=SIZES, seeds=range(3), stop_at=stop_at, runs_dir=folder / "runs")


def test_steps_to_target_follow_the_exact_recursion_at_every_batch_size(study):
    measured = study.table.set_index("batch_size")["steps"]
    for size in SIZES:
        # evaluations are up to 5 % apart, the median of 3 seeds scatters by as much, N is finite (d/N = 1.6 %)
        assert measured[size] == pytest.approx(fastest(size), rel=0.15)


def test_b_crit_of_the_study_holds_that_of_the_exact_curve(study):
    truth = fit_tradeoff([RunToTarget(size, 0, fastest(size), True) for size in SIZES]).b_crit
    assert study.fit.can_tell
    assert study.fit.b_crit.low <= truth.estimate <= study.fit.b_crit.high
    assert study.fit.b_crit.estimate == pytest.approx(truth.estimate, rel=0.3)


def test_every_run_arrived_and_no_rate_is_on_an_edge(study):
    assert (study.table["reached"] == 3).all()
    assert not study.table["edge"].any()
    assert (study.table["resolution"] <= 0.05).all()
