"""A study's plan, without any training: runs are answered by a formula whose best rate and S(B) are known."""

import math

import numpy as np
import pytest

from sgdlab.config import Budget
from sgdlab.errors import ConfigError, RunFailed
from sgdlab.studies.plan import checked_sizes, default_batch_sizes, extended
from sgdlab.studies.rates import RateGrid, edge_of
from sgdlab.studies.result import result_of
from sgdlab.studies.rounds import rounded_up
from sgdlab.studies.tuning import scan, tuned_rate
from tests.studies.formula import B_CRIT, ROWS, World, a_plan


def stages(world, stage):
    return [spec for spec in world.asked if spec.stage == stage]


def test_tuned_rate_is_within_a_half_step_of_the_best_at_every_size():
    world = World(a_plan(), best_rate=lambda size: 0.01 * size**0.5).finish()
    for size in world.plan.batch_sizes:
        rate = tuned_rate(world.plan, size, world.runs).rate
        assert abs(math.log10(rate / (0.01 * size**0.5))) <= 0.126


def test_fit_finds_the_b_crit_of_the_formula():
    world = World(a_plan(sizes=(4, 16, 64, 256, 1024)), best_rate=lambda size: 0.1).finish()
    fit = result_of(world.plan, world.runs).fit
    assert fit is not None and fit.can_tell
    assert fit.b_crit.estimate == pytest.approx(B_CRIT, rel=0.1)
    assert fit.b_crit.low <= B_CRIT * 1.05 and fit.b_crit.high >= B_CRIT * 0.95


def test_tuning_and_measuring_share_no_seed():
    world = World(a_plan(seeds=(0, 1000, 1001, 7))).finish()
    measured = {spec.seed for spec in stages(world, "measure")}
    tuned = {spec.seed for spec in world.asked if spec.stage != "measure"}
    assert measured == {0, 1000, 1001, 7}
    assert tuned and not tuned & measured


def test_every_evaluation_of_a_measurement_is_within_5_percent_of_the_median_steps():
    world = World(a_plan(), best_rate=lambda size: 0.03).finish()
    for row in result_of(world.plan, world.runs).rows:
        assert row.resolution is not None and row.resolution <= 0.05


@pytest.mark.parametrize(("best", "side"), [(3e-4, "low"), (300.0, "high")])
def test_grid_is_widened_towards_a_best_rate_beyond_its_edge(best, side):
    plan = a_plan(sizes=(64, 128))
    start = plan.grid.start(64)
    assert not start[0] <= best <= start[-1]
    world = World(plan, best_rate=lambda size: best).finish()
    rates = scan(world.plan, 64, world.runs).rates
    assert len(rates) > len(start)
    assert (min(rates) < min(start)) if side == "low" else (max(rates) > max(start))
    tuned = tuned_rate(world.plan, 64, world.runs)
    assert tuned.edge is None
    assert abs(math.log10(tuned.rate / best)) <= 0.126


def test_edge_stays_flagged_once_the_grid_was_widened_as_often_as_allowed():
    world = World(a_plan(sizes=(64, 128), widenings=1), best_rate=lambda size: 1e9).finish()
    result = result_of(world.plan, world.runs)
    start = world.plan.grid.start(64)
    assert len(scan(world.plan, 64, world.runs).rates) == len(start) + 1
    assert [row.edge_side for row in result.rows] == ["high", "high"]
    assert result.table["edge"].all()
    assert any(note.startswith("edge:") for note in result.notes)


def test_given_rates_are_widened_by_their_own_factor():
    plan = a_plan(sizes=(64, 128), learning_rates=(0.001, 0.002))
    world = World(plan, best_rate=lambda size: 0.0081).finish()
    assert scan(world.plan, 64, world.runs).rates == (0.001, 0.002, 0.004, 0.008, 0.016)
    assert tuned_rate(world.plan, 64, world.runs).rate == 0.008


def test_a_single_given_rate_is_used_as_it_is_and_has_no_edge():
    world = World(a_plan(learning_rates=(0.05,))).finish()
    assert {spec.learning_rate for spec in world.asked} == {0.05}
    assert all(row.edge_side is None for row in result_of(world.plan, world.runs).rows)


def test_a_diverged_run_is_worse_than_any_that_stayed_finite():
    plan = a_plan(sizes=(64, 128))
    slow = World(plan, best_rate=lambda size: 0.02, diverges_above=1.2).finish()
    for size in (64, 128):
        assert tuned_rate(slow.plan, size, slow.runs).rate <= 0.02 * 1.2
        assert any(run.diverged for key, run in slow.runs.items() if key[1] == size)


def test_automatic_target_is_the_worst_best_loss_of_tuning_rounded_up():
    world = World(a_plan(target=None), floor=0.15).finish()
    plan = world.plan
    best = []
    for size in plan.batch_sizes:
        checked = {key[2] for key in world.runs if key[0] == "check" and key[1] == size}
        assert len(checked) == 1
        rate = checked.pop()
        best += [t.values.min() for k, t in world.runs.items() if k[0] in ("scan", "check") and k[1:3] == (size, rate)]
    assert plan.target.metric == "val_loss"
    assert max(best) <= plan.target.value == rounded_up(max(best))
    assert str(plan.target) in " ".join(result_of(plan, world.runs).notes)


@pytest.mark.parametrize(
    ("loss", "target"), [(0.2263, 0.23), (0.23, 0.23), (1.501, 1.6), (0.0, 0.0), (3.1e-5, 3.1e-5), (99.5, 100.0)]
)
def test_rounded_up_is_the_least_two_digit_number_not_below(loss, target):
    assert rounded_up(loss) == pytest.approx(target, rel=1e-12) and rounded_up(loss) >= loss


def test_no_target_can_be_found_where_every_run_diverges():
    with pytest.raises(RunFailed, match="smaller"):
        World(a_plan(target=None), diverges_above=0.0).finish()


def test_censored_points_are_bounded_by_the_budget_and_never_a_number():
    world = World(a_plan(target="val_loss=0.1001", budget=Budget(20, "epochs")), floor=0.1).finish()
    result = result_of(world.plan, world.runs)
    table = result.table.set_index("batch_size")
    assert table.loc[512, "reached"] == 0
    assert math.isnan(table["steps"][512]) and math.isinf(table["steps_high"][512])
    assert table["steps_low"][512] == table["budget_steps"][512] == 20 * ROWS / 512
    assert table["reached"][8] == 5 and np.isfinite(table["steps"][8])
    assert any(note.startswith("censored:") for note in result.notes)


def test_a_target_that_nothing_reaches_is_a_result_without_a_fit():
    world = World(a_plan(target="val_loss=0.01")).finish()
    result = result_of(world.plan, world.runs)
    assert [row.reached for row in result.rows] == [0, 0, 0, 0]
    assert not result.fit.can_tell and "cannot tell" in result.fit.reason


def test_extending_asks_only_for_what_is_missing():
    world = World(a_plan(target=None)).finish()
    before, target = dict(world.runs), world.plan.target
    world.plan, world.asked = extended(world.plan, (64,), (5, 6)), []
    world.finish()
    assert world.plan.target == target
    assert {spec.batch_size for spec in world.asked if spec.stage != "measure"} == {64}
    assert {(r.batch_size, r.seed) for r in stages(world, "measure")} == {
        (size, seed) for size in (8, 32, 128, 512) for seed in (5, 6)
    } | {(64, seed) for seed in range(7)}
    assert all(world.runs[key] is run for key, run in before.items())


def test_a_seed_that_tuned_cannot_measure_later():
    plan = a_plan()
    with pytest.raises(ConfigError, match="--seeds 1000"):
        extended(plan, (), (1000,))


def test_tuning_takes_a_tenth_of_the_budget_unless_the_target_is_known():
    assert a_plan(target=None).tuning_budget == Budget(20, "epochs")
    assert a_plan().tuning_budget == Budget(200, "epochs")
    few = a_plan(target=None, sizes=(8, 2048), budget=Budget(50, "epochs"))
    assert few.tuning_budget == Budget(20, "epochs")  # 40 steps at 2,048


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (8000, (8, 16, 32, 64, 128, 256, 512, 1024)),
        (100, (1, 2, 4, 8, 16, 32)),
        (4, (1, 2)),
        (10**6, (8, 16, 32, 64, 128, 256, 512, 1024)),
    ],
)
def test_default_batch_sizes_are_powers_of_two_within_half_the_rows(rows, sizes):
    assert default_batch_sizes(rows) == sizes


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((8,), "at least two"),
        ((8, 200), "above the 100"),
        ((8, 0), "whole numbers"),
        ((8, "x"), "whole"),
        ((100, "full"), "twice"),
    ],
)
def test_batch_sizes_that_cannot_be_compared_are_refused(sizes, said):
    with pytest.raises(ConfigError, match=said):
        checked_sizes(sizes, 100)


def test_automatic_rates_scale_with_the_batch_by_the_optimisers_rule():
    sgd, adam = RateGrid(None, 0.1, 64, 1.0), RateGrid(None, 0.001, 64, 0.5)
    assert sgd.start(64) == (0.01, 0.0316, 0.1, 0.316, 1.0)
    assert sgd.start(640)[2] == 1.0 and adam.start(640)[2] == 0.00316
    assert sgd.beyond((0.01, 0.0316), "high") == 0.1 and sgd.beyond((0.01, 0.0316), "low") == 0.00316
    assert adam.near((0.000316, 0.001, 0.00316), 0.001) == (0.000562, 0.001, 0.00178)
    assert edge_of(0.1, (0.1,)) is None and edge_of(0.1, (0.1, 0.3)) == "low" and edge_of(0.3, (0.1, 0.3)) == "high"
