"""Recommendation and knee: what is best, how sure, and what would settle it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.analysis.intervals import Interval
from sgdlab.analysis.knee import knee
from sgdlab.analysis.recommend import StudyRow, recommend


def row(batch_size, steps, seconds_per_step, spread=0.02, runs=5, reached=5, edge=False):
    def around(value):
        level = 1 - 2.0 ** (1 - runs)
        return Interval(value, value * (1 - spread), value * (1 + spread), level, runs)

    rate = 0.01 * batch_size
    return StudyRow(
        batch_size,
        rate,
        edge,
        reached,
        runs,
        around(steps),
        around(steps * batch_size),
        around(steps * seconds_per_step),
    )


def censored(batch_size, budget):
    def beyond(value):
        return Interval(math.inf, value, math.inf, 0.9375, 5)

    return StudyRow(batch_size, 0.1, False, 1, 5, beyond(budget), beyond(budget * batch_size), beyond(budget / 1000))


STUDY = [row(8, 1000, 1e-3), row(64, 160, 1.5e-3), row(512, 100, 4e-3)]  # 1 s, 0.24 s, 0.4 s


def test_least_time_and_least_computation_differ_and_both_are_sure():
    fast, frugal = recommend(STUDY, "seconds"), recommend(STUDY, "examples")
    assert (fast.best.batch_size, fast.sure, fast.rivals, fast.settle) == (64, True, (), ())
    assert fast.cost.estimate == pytest.approx(0.24)
    assert fast.text == "least time: batch size 64, rate 0.64, 0.24 s to the target (5 of 5 runs reached it)"
    assert (frugal.best.batch_size, frugal.sure) == (8, True)
    assert frugal.cost.estimate == 8000


def test_overlapping_intervals_make_rivals_and_say_how_many_seeds_would_do():
    close = recommend([STUDY[0], row(64, 160, 1.5e-3, 0.1), row(128, 110, 2.4e-3, 0.1)], "seconds")
    assert (close.best.batch_size, close.rivals, close.sure) == (64, (128,), False)
    # log widths .0953 + .1054 over a log gap of log(.264/.24) = .0953: 5 (2.106)² = 22.2
    assert close.settle == ("about 23 seeds at batch size 64, 128",)
    assert close.text.endswith("; cannot tell it from 128: about 23 seeds at batch size 64, 128 would settle it")


def test_a_third_size_with_a_wide_interval_is_a_rival_though_the_runner_up_is_not():
    found = recommend([*STUDY, row(256, 110, 5e-3, 0.7)], "seconds")
    assert found.rivals == (256,)


def test_too_few_seeds_are_never_sure():
    found = recommend([row(8, 1000, 1e-3, runs=3), row(64, 160, 1.5e-3, runs=3), row(512, 100, 4e-3)], "seconds")
    assert (found.best.batch_size, found.rivals, found.sure) == (64, (), False)
    assert found.settle == ("at least 5 seeds at batch size 64",)
    assert "cannot tell it: at least 5 seeds" in found.text


def test_a_best_rate_on_the_edge_of_its_grid_and_a_best_size_at_the_end_stay_open():
    found = recommend([row(8, 1000, 1e-3), row(64, 160, 1.5e-3, edge=True)], "seconds")
    assert found.sure
    assert found.settle == (
        "rates beyond 0.64 at batch size 64, the edge of its grid",
        "batch sizes above 64",
    )
    assert "still open: rates beyond" in found.text


def test_the_smallest_size_asks_for_smaller_ones_unless_it_is_one():
    assert recommend(STUDY, "examples").settle == ("batch sizes below 8",)
    assert recommend([row(1, 9000, 1e-3), *STUDY[1:]], "examples").settle == ()


def test_a_larger_size_is_asked_for_only_where_it_could_help_time():
    rows = [row(8, 1000, 1e-3), row(64, 100, 1.5e-3)]
    assert recommend(rows, "examples").settle == ()
    assert recommend(rows, "seconds").settle == ("batch sizes above 64",)


def test_a_single_size_is_no_comparison():
    assert not recommend([STUDY[1]], "seconds").sure


def test_sizes_that_most_runs_never_arrived_at_are_not_recommended_but_may_be_rivals():
    found = recommend([censored(8, 10), STUDY[1], STUDY[2]], "seconds")
    assert (found.best.batch_size, found.rivals) == (64, (8,))  # 8 was stopped at 0.01 s: it may be faster
    assert found.settle == ("more seeds at batch size 8, 64",)
    found = recommend([censored(8, 10000), STUDY[1], STUDY[2]], "seconds")
    assert (found.best.batch_size, found.rivals, found.sure) == (64, (), True)


def test_a_target_that_no_size_reached_is_a_result():
    found = recommend([censored(8, 100), censored(64, 100)], "seconds")
    assert (found.best, found.cost, found.sure) == (None, None, False)
    assert found.text.startswith("cannot tell: at no batch size did most runs reach the target")
    assert found.settle == ("an easier target", "a larger budget")


def test_an_empty_study_or_a_size_twice_is_a_value_error():
    for rows in ([], [STUDY[0], STUDY[0]]):
        with pytest.raises(ValueError):
            recommend(rows, "seconds")


def test_the_knee_is_the_smallest_size_within_ten_percent_of_the_best():
    found = knee([64, 8, 512, 128], [91, 20, 100, 95])
    assert (found.batch_size, found.examples_per_second) == (64, 91)
    assert (found.best_batch_size, found.best_examples_per_second) == (512, 100)
    assert not found.rising
    assert knee([64, 8, 512, 128], [91, 20, 100, 95], within=0.05).batch_size == 128


def test_a_knee_at_the_largest_size_is_said_to_be_still_rising():
    assert knee([8, 16, 32], [10, 20, 40]).rising
    assert not knee([8], [10]).rising
    assert not knee([8, 16, 32], [10, 40, 30]).rising


@given(st.dictionaries(st.integers(1, 10000), st.floats(1, 1e9), min_size=1, max_size=10), st.floats(0, 0.9))
def test_no_size_below_the_knee_comes_within_reach_of_the_best(rates, within):
    found = knee(list(rates), list(rates.values()), within)
    limit = (1 - within) * max(rates.values())
    assert rates[found.batch_size] >= limit
    assert all(rate < limit for size, rate in rates.items() if size < found.batch_size)


def test_senseless_throughputs_are_value_errors():
    for sizes, rates in (([], []), ([8, 8], [1, 2]), ([8], [math.nan]), ([8], [0]), ([8, 16], [1])):
        with pytest.raises(ValueError):
            knee(sizes, rates)
    with pytest.raises(ValueError):
        knee([8], [1], within=1)


def test_no_answer_is_sure_while_another_size_is_not_tuned():
    found = recommend([row(8, 1000, 1e-3), row(64, 160, 1.5e-3), row(256, 150, 5e-3, edge=True)], "seconds")
    assert found.best is not None and found.best.batch_size == 64
    assert not found.sure
    assert any("batch size 256, the edge of its grid" in text for text in found.settle)
