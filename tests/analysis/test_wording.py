"""How numbers are written for people."""

import math

import pytest

from sgdlab.analysis.wording import measured_time, median_with_interval, number


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


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(3100.4, 3, "3,100"), (17036.3, 3, "17,036"), (0.19834, 4, "0.1983"), (1.2e-5, 4, "1.2e-05")],
)
def test_a_number_has_no_exponent_where_people_need_none(value, digits, text):
    assert number(value, digits) == text


def test_a_median_of_thousands_reads_like_its_whole_neighbours():
    assert median_with_interval(1234.5, 840, math.inf, 0) == "1,234 [840, ∞]"
    assert median_with_interval(math.inf, 90, math.inf, 20000) == "> 20,000"
