"""airfoil and its twin: the same moments, so the same full-batch trajectory."""

import os
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sgdlab.data import load
from sgdlab.data.sources.airfoil import Airfoil
from sgdlab.data.sources.airfoil_twin import COVARIANCE, MEAN, AirfoilTwin, twin_rows

D: dict[str, Any] = {"whiten": True, "limit": 1500, "validation": 0.0, "standardize": False}
"""The data steps of the chapter."""


@pytest.fixture
def real():
    """The real set, prepared as in the chapter."""
    folder = os.environ.get("SGDLAB_DATA", "")
    if not os.path.isfile(os.path.join(folder, "airfoil_self_noise.dat")):
        pytest.skip("needs the real airfoil file: set SGDLAB_DATA to the folder that holds airfoil_self_noise.dat")
    return load(Airfoil(name="airfoil", **D), 0)


def losses(split, w, b=0.0, lr=1.0, epochs=10):
    """Half the mean squared error before and after each step of gradient descent, in float64."""
    x, y = split.x.astype(float), split.y[:, 0].astype(float)
    seen = []
    for _ in range(epochs + 1):
        r = x @ w + b - y
        seen.append(r @ r / (2 * len(r)))
        w, b = w - lr * x.T @ r / len(r), b - lr * r.mean()
    return np.array(seen)


def test_twin_has_the_embedded_moments_to_rounding():
    rows = twin_rows()
    assert rows.shape == (1500, 6)
    assert_allclose(rows.mean(axis=0), MEAN, atol=1e-14)
    lower = np.cov(rows.T, bias=True)[np.tril_indices(6)]
    assert_allclose(lower, [value for row in COVARIANCE for value in row], atol=1e-13)


def test_twin_is_the_same_on_every_call_and_gaussian():
    rows = twin_rows()
    assert np.array_equal(rows, twin_rows())
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    assert abs((standard**4).mean(axis=0) - 3).max() < 0.6  # the real columns are far from 3
    assert len(np.unique(rows, axis=0)) == 1500


def test_twin_follows_airfoil_under_full_batch_gradient_descent(real):
    twin = load(AirfoilTwin(name="airfoil-twin", **D), 0)
    for seed in range(5):
        w = np.random.default_rng(seed).normal(0, 0.01, 5)
        for lr in (1.0, 0.8):
            assert_allclose(losses(twin.train, w, lr=lr), losses(real.train, w, lr=lr), atol=1e-7)
    assert 0.24 < losses(twin.train, np.zeros(5))[10] < 0.26


def test_whitening_is_in_the_twins_numbers_and_changes_nothing():
    with_whiten, without = (load(AirfoilTwin(name="airfoil-twin", **{**D, "whiten": w}), 0) for w in (True, False))
    assert np.array_equal(with_whiten.train.x, without.train.x)
    assert np.array_equal(with_whiten.train.y, without.train.y)


def test_airfoil_is_whitened_over_all_rows_before_the_limit(real):
    assert real.train.x.shape == (1500, 5) and real.train.y.shape == (1500, 1)
    raw = np.loadtxt(os.path.join(os.environ["SGDLAB_DATA"], "airfoil_self_noise.dat"))
    assert raw.shape == (1503, 6)
    expected = ((raw - raw.mean(axis=0)) / raw.std(axis=0))[:1500]
    assert_allclose(real.train.x, expected[:, :5], rtol=1e-5, atol=1e-6)
    assert_allclose(real.train.y, expected[:, 5:], rtol=1e-5, atol=1e-6)
    assert real.preprocess.columns[0].name == "frequency"


def test_airfoil_moments_are_those_the_twin_embeds(real):
    rows = np.column_stack([real.train.x, real.train.y]).astype(float)
    # columns take few values, so rounding to float32 (half an ulp: 6e-8 at 1) does not average out
    assert_allclose(rows.mean(axis=0), MEAN, rtol=0, atol=1e-7)
    assert_allclose(np.cov(rows.T, bias=True)[np.tril_indices(6)], np.concatenate(COVARIANCE), atol=1e-7)
