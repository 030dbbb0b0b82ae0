"""Numbers for people."""

import math

import pytest

from sgdlab.analysis.wording import measured_time


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.2345, "1.23 s"),
        (0.6281, "628 ms"),
        (7.89e-6, "7.89 µs"),
        (3.2e-9, "3.2 ns"),
        (0.0, "–"),
        (math.nan, "–"),
        (math.inf, "∞ s"),
    ],
)
def test_a_measured_time_keeps_three_digits(seconds: float, text: str) -> None:
    assert measured_time(seconds) == text
