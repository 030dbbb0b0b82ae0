"""The batch order: every row once an epoch, the same for every engine and after every resume."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.streams import generator, torch_seed
from sgdlab.training.sampling import BatchPlan, BatchStream, batch_plan
from tests.support import make_config

SAMPLINGS = ("shuffle", "replacement", "fixed")


@st.composite
def plans(draw, samplings=SAMPLINGS) -> BatchPlan:
    rows = draw(st.integers(1, 60))
    size = draw(st.integers(1, rows))
    growth = draw(st.none() | st.integers(1, 4))
    maximum = draw(st.none() | st.integers(size, 80)) if growth else None
    return BatchPlan(
        rows,
        size,
        draw(st.sampled_from(samplings)),
        draw(st.integers(0, 2**40)),
        growth,
        draw(st.integers(2, 4)),
        maximum,
    )


def walked(plan: BatchPlan, epochs: int) -> list[tuple[int, int, int, int]]:
    """Brute force: (epoch, place, size of the batch, examples seen after it) for every step."""
    steps, seen = [], 0
    for epoch in range(epochs):
        size = plan.batch_size
        if plan.growth is not None:
            for _ in range(epoch // plan.growth):
                size = max(size, min(size * plan.factor, plan.maximum or plan.rows, plan.rows))
        left, place = plan.rows, 0
        while left:
            batch = min(size, left)
            left, seen = left - batch, seen + batch
            steps.append((epoch, place, batch, seen))
            place += 1
    return steps


@given(plans(samplings=("shuffle", "fixed")), st.integers(0, 12))
def test_every_row_stands_once_in_every_epoch_without_replacement(plan, epoch):
    assert sorted(plan.order(epoch)) == list(range(plan.rows))


@given(plans(), st.integers(0, 12))
def test_order_of_an_epoch_is_a_function_of_seed_and_epoch_alone(plan, epoch):
    again = BatchPlan(plan.rows, plan.batch_size, plan.sampling, plan.seed, plan.growth, plan.factor, plan.maximum)
    for other in (0, 3, 7):
        again.order(other)
    assert np.array_equal(plan.order(epoch), again.order(epoch))


def test_two_epochs_and_two_seeds_have_different_orders():
    plan, other = (BatchPlan(50, 5, "shuffle", seed) for seed in (0, 1))
    assert not np.array_equal(plan.order(0), plan.order(1))
    assert not np.array_equal(plan.order(0), other.order(0))


def test_streams_of_two_purposes_are_independent():
    draws = {
        purpose: generator(0, purpose).integers(2**62) for purpose in ("split", "resample", "init", "order", "noise")
    }
    assert len(set(draws.values())) == len(draws)
    assert torch_seed(0, "init") != torch_seed(0, "noise") != torch_seed(1, "noise")


def test_fixed_order_is_the_order_of_the_rows():
    assert list(BatchPlan(5, 2, "fixed", 3).order(4)) == [0, 1, 2, 3, 4]


def test_replacement_draws_every_row_equally_often_and_some_twice():
    counts = np.bincount(
        np.concatenate([BatchPlan(10, 1, "replacement", 0).order(e) for e in range(1000)]), minlength=10
    )
    assert counts.sum() == 10_000 and abs(counts - 1000).max() < 5 * np.sqrt(1000)
    assert len(set(BatchPlan(100, 1, "replacement", 0).order(0))) < 80


@given(plans())
def test_sizes_steps_and_examples_agree_with_walking_through_the_epochs(plan):
    for step, (epoch, place, size, seen) in enumerate(walked(plan, 10)):
        assert plan.epoch_of(step) == (epoch, place)
        assert plan.examples_at(step + 1) == seen
        assert (place < plan.steps_in(epoch) - 1) <= (size == plan.size_in(epoch))
    assert plan.examples_at(0) == 0


@given(plans(), st.floats(0, 9, allow_nan=False))
def test_steps_until_is_the_first_step_that_completes_so_many_epochs(plan, epochs):
    seen = [0] + [step[3] for step in walked(plan, 11)]
    wanted = next(i for i, examples in enumerate(seen) if examples >= epochs * plan.rows - 1e-6)
    assert plan.steps_until(epochs) == wanted


@given(plans(), st.integers(0, 500))
def test_step_reaching_is_the_first_step_after_which_so_many_examples_were_seen(plan, examples):
    seen = [0] + [step[3] for step in walked(plan, 1 + examples // plan.rows + 1)]
    assert plan.step_reaching(examples) == next(i for i, count in enumerate(seen) if count >= examples)


def test_positions_far_ahead_are_found_without_walking_there():
    plan = BatchPlan(1000, 8, "shuffle", 0, growth=3, maximum=512)
    step = plan.steps_until(10**12)
    assert plan.epoch_of(step) == (10**12, 0) and plan.examples_at(step) == 10**15


@given(plans(), st.integers(0, 60), st.integers(1, 60))
def test_any_segment_holds_the_batches_that_single_steps_hold(plan, first, count):
    indices, offsets = BatchStream(plan).take(first, first + count)
    singles = [BatchStream(plan).take(step, step + 1) for step in range(first, first + count)]
    assert np.array_equal(indices, np.concatenate([single for single, _ in singles]))
    assert np.array_equal(np.diff(offsets), [len(single) for single, _ in singles])
    assert offsets[0] == 0 and offsets[-1] == len(indices) and (np.diff(offsets) > 0).all()


@given(plans())
def test_batches_of_an_epoch_are_its_order_cut_up(plan):
    indices, offsets = BatchStream(plan).take(0, plan.steps_in(0))
    assert np.array_equal(indices, plan.order(0))
    assert [size for *_, size, _ in walked(plan, 1)] == list(np.diff(offsets))


def test_the_last_shorter_batch_is_handed_out():
    _, offsets = BatchStream(BatchPlan(10, 4, "shuffle", 0)).take(0, 3)
    assert list(np.diff(offsets)) == [4, 4, 2]


def test_batch_size_grows_by_the_factor_up_to_the_maximum():
    config = make_config(batch_size={"initial": 8, "every": 2, "factor": 3, "maximum": 100})
    plan = batch_plan(config, 1000)
    assert [plan.size_in(epoch) for epoch in range(9)] == [8, 8, 24, 24, 72, 72, 100, 100, 100]


def test_full_is_one_batch_of_all_rows_as_they_stand():
    plan = batch_plan(make_config(batch_size="full"), 30)
    indices, offsets = BatchStream(plan).take(0, 2)
    assert list(indices) == [*range(30), *range(30)] and list(offsets) == [0, 30, 60]


@pytest.mark.parametrize("sampling", ["shuffle", "replacement"])
def test_variance_of_the_minibatch_gradient(sampling):
    """(tr S / b)(1 - b/N) without replacement, S with divisor N - 1;  tr S / b with, divisor N.

    20,000 batches: the estimate's relative standard error is below 1 %; 4 of them are allowed.
    """
    rows, size, epochs = 24, 6, 5000
    gradients = np.random.default_rng(1).normal(size=(rows, 3)) * [1, 2, 3]
    plan = BatchPlan(rows, size, sampling, 0)
    means = np.concatenate([gradients[plan.order(e)].reshape(-1, size, 3).mean(axis=1) for e in range(epochs)])
    measured = ((means - gradients.mean(axis=0)) ** 2).sum(axis=1).mean()
    shuffled = sampling == "shuffle"
    trace = gradients.var(axis=0, ddof=1 if shuffled else 0).sum()
    assert measured == pytest.approx(trace / size * (1 - size / rows if shuffled else 1), rel=0.04)
