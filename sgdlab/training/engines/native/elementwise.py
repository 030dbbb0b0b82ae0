# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
"""Exponential, logistic function, tanh and erf of float32 vectors.

Results stay within about 2 units in the last place (erf: 6), and NaN comes out wherever NaN goes in: every
bound is `select(value > bound, bound, value)`, and a comparison with NaN is false.
"""

from typing import Any

import numpy as np

from sgdlab.training.engines.native.vectors import magnitude, nearest, njit, power_of_two, select

_ZERO, _ONE, _TWO, _INFINITY = (np.float32(value) for value in (0.0, 1.0, 2.0, np.inf))


def _f(text: str) -> tuple[Any, ...]:
    return tuple(np.float32(word) for word in text.split())


_EXP_LOW, _EXP_HIGH = _f("-87.33 88.37")
_PER_LN2, _LN2_HIGH, _LN2_LOW = _f("1.44269504 0.693359375 -2.12194440e-4")
_E0, _E1, _E2, _E3, _E4, _E5 = _f(
    "1.9875691500e-4 1.3981999507e-3 8.3334519073e-3 4.1665795894e-2 1.6666665459e-1 5.0000001201e-1"
)


@njit
def exp(x):
    """e**x = 2**n e**r with r a polynomial's (Cephes expf); 0 below -87.33, infinity above 88.37."""
    y = select(x < _EXP_LOW, _EXP_LOW, x)
    y = select(y > _EXP_HIGH, _EXP_HIGH, y)
    n = nearest(y * _PER_LN2)
    r = (y - n * _LN2_HIGH) - n * _LN2_LOW
    p = ((((r * _E0 + _E1) * r + _E2) * r + _E3) * r + _E4) * r + _E5
    value = (p * (r * r) + r + _ONE) * power_of_two(n)
    value = select(x < _EXP_LOW, _ZERO, value)
    return select(x > _EXP_HIGH, _INFINITY, value)


@njit
def sigmoid(x):
    """1 / (1 + e**-x)."""
    return _ONE / (exp(_ZERO - x) + _ONE)


_TANH_SMALL = np.float32(0.625)
_T0, _T1, _T2, _T3, _T4 = _f("-5.70498872745e-3 2.06390887954e-2 -5.37397155531e-2 1.33314422036e-1 -3.33332819422e-1")


@njit
def tanh(x):
    """An odd polynomial within 0.625 (Cephes tanhf), 1 - 2 / (e**2|x| + 1) beyond."""
    s = x * x
    near = ((((s * _T0 + _T1) * s + _T2) * s + _T3) * s + _T4) * s * x + x
    far = _ONE - _TWO / (exp(magnitude(x) * _TWO) + _ONE)
    far = select(x < _ZERO, _ZERO - far, far)
    return select(magnitude(x) > _TANH_SMALL, far, near)


_ERF_BOUND = np.float32(4.0)
_A0, _A1, _A2, _A3 = _f("-2.72614225801306e-10 2.77068142495902e-08 -2.10102402082508e-06 -5.69250639462346e-05")
_A4, _A5, _A6 = _f("-7.34990630326855e-04 -2.95459980854025e-03 -1.60960333262415e-02")
_B0, _B1, _B2 = _f("-1.45660718464996e-05 -2.13374055278905e-04 -1.68282697438203e-03")
_B3, _B4 = _f("-7.37332916720468e-03 -1.42647390514189e-02")


@njit
def erf(x):
    """x A(x^2) / B(x^2) within [-4, 4], the rational function of Eigen and XLA."""
    y = select(x < -_ERF_BOUND, -_ERF_BOUND, x)
    y = select(y > _ERF_BOUND, _ERF_BOUND, y)
    s = y * y
    a = (((((s * _A0 + _A1) * s + _A2) * s + _A3) * s + _A4) * s + _A5) * s + _A6
    b = (((s * _B0 + _B1) * s + _B2) * s + _B3) * s + _B4
    return y * a / b
