"""The algorithm: what a record means, when one is made, when a run ends; and theory that it must obey."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sgdlab.data.prepared import Split
from sgdlab.runs.history import TIMING_COLUMNS, format_row
from sgdlab.streams import torch_seed
from sgdlab.training import loop, losses
from sgdlab.training.engines.select import ENGINES
from sgdlab.training.losses import evaluate
from tests.support import (
    classification,
    clock_that_ticks,
    make_data,
    records_of,
    regression,
    run_steps,
    start_training,
    trained,
)

SGD = {"model": "linear", "optimizer": "sgd", "learning_rate": 0.05, "batch_size": 10}


def steps_of(records) -> list[int]:
    return [record.step for record in records]


def timeless(records) -> list[dict]:
    """Records by column, timing aside; as text, so that NaN equals NaN."""
    return [{k: repr(v) for k, v in vars(record).items() if k not in TIMING_COLUMNS} for record in records]


# --- what a record holds ------------------------------------------------------------------------


def test_row_0_is_measured_before_the_first_update():
    training = start_training(regression(), **SGD)
    before = evaluate(training.workload.model, "mse", training.workload.train.x, training.workload.train.y).loss
    first = records_of(training)[0]
    assert (first.epoch, first.step, first.examples) == (0, 0, 0)
    assert first.train_loss == before
    assert math.isnan(first.batch_loss) and math.isnan(first.mean_batch_loss)


def test_row_0_is_never_the_best():
    training = start_training(regression(), model="linear", optimizer="sgd", learning_rate=0.4, batch_size=1, epochs=3)
    first, *rest = records_of(training)
    assert all(record.val_loss > first.val_loss for record in rest), "the rate must be bad enough for this test"
    assert training.position.best.record.step > 0


def test_best_is_the_record_of_least_validation_loss_and_its_model():
    training = start_training(
        classification(), model={"name": "mlp", "hidden": [20]}, learning_rate=0.1, batch_size=5, epochs=12
    )
    records = records_of(training)
    best = training.position.best
    least = min(records[1:], key=lambda record: record.val_loss)
    assert best.record is least and least is not records[-1], "the best must not be the last for this test"
    training.workload.model.load_state_dict(best.state)
    rows = training.workload.validation
    assert evaluate(training.workload.model, "cross_entropy", rows.x, rows.y).loss == least.val_loss


def test_best_is_by_training_loss_where_nothing_is_held_out():
    training = start_training(regression(held_out=0), **SGD, epochs=4)
    records = records_of(training)
    assert training.position.best.record.train_loss == min(record.train_loss for record in records[1:])
    assert all(math.isnan(record.val_loss) for record in records)


def test_the_last_shorter_batch_is_trained_on_and_means_weigh_examples():
    """10 rows in batches of 4, 4, 2 at rate 0: every loss is that of one and the same model."""
    training = start_training(
        regression(rows=10, held_out=0), model="linear", optimizer="sgd", learning_rate=0, batch_size=4
    )
    first, last = records_of(training)
    assert (last.step, last.examples, last.epoch) == (3, 10, 1)
    assert last.mean_batch_loss == pytest.approx(last.train_loss, rel=1e-6)
    assert last.train_loss == first.train_loss
    x, y = training.workload.train.x, training.workload.train.y
    order = training.batches.order(0)
    in_it = torch.from_numpy(order[8:])
    assert last.batch_loss == pytest.approx(evaluate(training.workload.model, "mse", x[in_it], y[in_it]).loss, rel=1e-6)
    by_batch = [
        evaluate(training.workload.model, "mse", x[order[a:b]], y[order[a:b]]).loss
        for a, b in ((0, 4), (4, 8), (8, 10))
    ]
    assert np.mean(by_batch) != pytest.approx(last.mean_batch_loss, rel=1e-3), "an unweighted mean must differ here"


def test_losses_and_accuracy_are_over_the_whole_split_in_any_chunks(monkeypatch):
    training = start_training(classification(rows=50), model="linear", batch_size=10)
    rows, model = training.workload.train, training.workload.model
    whole = evaluate(model, "cross_entropy", rows.x, rows.y)
    predicted = model(rows.x).detach()
    assert whole.accuracy == (predicted.argmax(1) == rows.y).double().mean().item()
    assert whole.loss == pytest.approx(nn.functional.cross_entropy(predicted.double(), rows.y).item(), rel=1e-6)
    monkeypatch.setattr("sgdlab.training.losses.CHUNK_ROWS", 7)
    chunked = evaluate(model, "cross_entropy", rows.x, rows.y)
    assert (chunked.loss, chunked.accuracy) == (pytest.approx(whole.loss, rel=1e-6), whole.accuracy)


def test_half_mse_is_half_of_mse_and_means_over_outputs():
    random = np.random.default_rng(0)
    data = make_data((random.normal(size=(6, 2)), random.normal(size=(6, 3))))
    training = start_training(data, model="linear", loss="half_mse", batch_size=6)
    x, y, model = training.workload.train.x, training.workload.train.y, training.workload.model
    error = ((model(x) - y) ** 2).mean().item()
    assert evaluate(model, "mse", x, y).loss == pytest.approx(error, rel=1e-6)
    assert evaluate(model, "half_mse", x, y).loss == pytest.approx(error / 2, rel=1e-6)


def test_cross_entropy_on_softmax_cannot_fall_below_its_floor():
    """Ten classes: log(e + 9) - 1 = 1.4612, the published double softmax."""
    certain = torch.eye(10)
    assert losses.evaluate(nn.Identity(), "cross_entropy", certain, torch.arange(10)).loss == pytest.approx(
        math.log(math.e + 9) - 1
    )


def test_record_names_the_rate_and_the_batch_size_of_its_last_update():
    rate = {"initial": 0.1, "schedule": "step", "every": 1, "factor": 0.5}
    size = {"initial": 10, "every": 1, "factor": 2}
    records = trained(
        regression(rows=40), model="linear", optimizer="sgd", learning_rate=rate, batch_size=size, epochs=3
    )
    assert [record.learning_rate for record in records] == [0.1, 0.1, 0.05, 0.025]
    assert [record.batch_size for record in records] == [10, 10, 20, 40]
    assert steps_of(records) == [0, 4, 6, 7]


# --- when a record is made ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "size", "epochs", "steps"),
    [
        ("1 epoch", 16, 2, [0, 4, 8]),
        ("0.5 epochs", 16, 1, [0, 2, 4]),  # 25 of 50 rows: after two batches of 16
        ("2 epochs", 16, 3, [0, 8, 12]),  # the last record is always made
        ("20 examples", 16, 1, [0, 2, 3, 4]),  # 32 reaches 20, 48 reaches 40, 50: the end
        ("1 example", 25, 1, [0, 1, 2]),
        ("200 examples", 50, 5, [0, 4, 5]),
        ("3 steps", 10, 2, [0, 3, 6, 9, 10]),
        ("1 epoch", 16, 1.5, [0, 4, 6]),  # 75 rows: 50 in 4 steps, 25 more in 2
        ("1 epoch", 50, 0.1, [0, 1]),
    ],
)
def test_a_record_is_made_at_the_first_update_that_reaches_each_multiple(every, size, epochs, steps):
    records = trained(regression(rows=50), **(SGD | {"batch_size": size}), epochs=epochs, evaluate_every=every)
    assert steps_of(records) == steps


def decimals(draw) -> tuple[str, Fraction]:
    """A number as a config may write it, and what it stands for."""
    if draw(st.booleans()):
        thousandths = draw(st.integers(1, 4000))
        return f"{thousandths / 1000}", Fraction(thousandths, 1000)
    meant = Fraction(draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    return draw(st.sampled_from((f"{float(meant):.10f}", repr(float(meant))))), meant


@given(st.data(), st.integers(1, 60), st.none() | st.integers(1, 3))
def test_record_steps_are_those_of_counting_examples_one_update_at_a_time(data, rows, growth):
    amount, meant = data.draw(st.composite(decimals)())
    size = {"initial": data.draw(st.integers(1, rows)), "every": growth}
    training = start_training(
        regression(rows=rows, held_out=0), **(SGD | {"batch_size": size}), epochs=7, evaluate_every=f"{amount} epochs"
    )
    sizes = np.diff(training.stream.take(0, training.total_steps)[1])
    reached = [int(seen) // (meant * rows) for seen in (0, *np.cumsum(sizes))]
    expected = [i for i in range(1, len(reached)) if reached[i] > reached[i - 1]]
    if expected[-1:] != [training.total_steps]:
        expected.append(training.total_steps)
    steps = [0]
    while steps[-1] < training.total_steps:
        steps.append(training.next_record(steps[-1]))
    assert steps[1:] == expected


def test_records_by_seconds_of_training_come_at_each_multiple():
    """The clock ticks half a second from look to look: a segment of one step lasts half a second."""
    with clock_that_ticks(0.5):
        records = trained(regression(), **SGD, epochs=2, evaluate_every="2 seconds")
    assert steps_of(records) == [0, 4, 8, 10]


def test_records_by_seconds_do_not_wait_for_a_long_segment(monkeypatch):
    """Steps of a millisecond, records every 10 ms: no segment may run past a multiple by many steps."""
    monkeypatch.setattr(loop, "SEGMENT_SECONDS", 10.0)
    training = start_training(regression(), **(SGD | {"batch_size": 1}), epochs=4, evaluate_every="0.01 seconds")
    engine_run = training.engine.run
    now = [0.0]

    def run(segment):
        now[0] += 1e-3 * len(segment)
        return engine_run(segment)

    monkeypatch.setattr(training.engine, "run", run)
    monkeypatch.setattr("sgdlab.training.loop.time.perf_counter", lambda: now[0])
    assert steps_of(records_of(training)) == list(range(0, 201, 10))


@pytest.mark.parametrize("growth", [None, 1])
def test_records_by_examples_follow_a_growing_batch(growth):
    size = {"initial": 5, "every": growth} if growth else 5
    records = trained(regression(rows=50), **(SGD | {"batch_size": size}), epochs=4, evaluate_every="50 examples")
    assert [record.examples for record in records] == [0, 50, 100, 150, 200]


# --- when a run ends ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "step"), [("7 steps", 7), ("33 examples", 4), ("2 epochs", 10), ("1.1 epochs", 6), ("0.01 epochs", 1)]
)
def test_run_ends_with_its_budget_and_a_record(budget, step):
    records = trained(regression(rows=50), **SGD, budget=budget)
    assert records[-1].step == step


def test_budget_in_seconds_counts_training_and_not_evaluation():
    with clock_that_ticks(0.25):
        training = start_training(regression(), **SGD, budget="2 seconds", evaluate_every="1 step")
        records = records_of(training)
    assert steps_of(records) == list(range(9))  # eight steps of a quarter of a second
    assert training.position.train_seconds == 2
    assert records[-1].wall_seconds > 2


def test_target_ends_the_run_at_the_first_record_that_reaches_it():
    free = trained(regression(), **SGD, epochs=10)
    reached = int(np.argmin([record.val_loss for record in free]))
    target = free[reached].val_loss
    stopped = trained(regression(), **SGD, epochs=10, stop_at=f"val_loss={target!r}")
    assert reached > 1 and timeless(stopped) == timeless(free[: reached + 1])
    assert all(record.val_loss > target for record in stopped[:-1])


def test_target_in_accuracy_is_reached_from_below():
    stopped = trained(
        classification(), model="linear", learning_rate=0.05, batch_size=5, epochs=20, stop_at="train_accuracy=0.9"
    )
    assert stopped[-1].train_accuracy >= 0.9 > max(record.train_accuracy for record in stopped[:-1])
    assert stopped[-1].epoch < 20


@pytest.mark.parametrize("engine", ENGINES)
def test_divergence_ends_the_run_keeps_its_rows_and_names_the_step(engine):
    """w grows by |1 - eta lambda| = 1e5 a step: the squared error passes float32's 3.4e38 early."""
    data = make_data((np.ones((8, 1)), np.zeros((8, 1))), (np.ones((4, 1)), np.zeros((4, 1))))
    training = start_training(
        data,
        model={"name": "linear", "init": {"name": "normal", "std": 1.0}},
        optimizer="sgd",
        loss="half_mse",
        learning_rate=1e5,
        batch_size="full",
        epochs=50,
        evaluate_every="1 step",
        engine=engine,
    )
    records = records_of(training)
    position = training.position
    assert position.diverged_at == records[-1].step + 1 and training.finished()
    assert 2 < len(records) < 8 and steps_of(records) == list(range(len(records)))
    assert all(math.isfinite(record.train_loss) and math.isfinite(record.val_loss) for record in records)
    assert math.isfinite(position.best.record.val_loss)
    assert all(torch.isfinite(value).all() for value in position.best.state.values())


@pytest.mark.parametrize("engine", ENGINES)
def test_step_of_divergence_is_the_first_whose_loss_is_not_finite(engine):
    """p grows by |1 - 50 * 2| = 99 a step; float32 holds squares up to 3.4e38."""
    data = make_data((np.ones((8, 1)), np.zeros((8, 1))))
    training = start_training(
        data,
        model={"name": "linear", "init": {"name": "normal", "std": 1.0}},
        optimizer="sgd",
        loss="half_mse",
        learning_rate=50.0,
        batch_size="full",
        budget="100 steps",
        evaluate_every="100 steps",
        engine=engine,
    )
    p = training.workload.model(torch.ones(1, 1)).item()
    assert len(records_of(training)) == 1
    overflow = next(step for step in range(1, 100) if (99.0 ** (step - 1) * p) ** 2 > 3.4028e38)
    assert training.position.diverged_at == overflow > 5


@pytest.mark.parametrize("engine", ENGINES)
def test_step_of_divergence_is_the_same_in_long_segments(engine, monkeypatch):
    def diverged_at(seconds: float) -> int:
        monkeypatch.setattr(loop, "SEGMENT_SECONDS", seconds)
        data = make_data((np.ones((64, 1)), np.zeros((64, 1))))
        values = {"model": "linear", "optimizer": "sgd", "learning_rate": 5.0, "batch_size": 4, "epochs": 20}
        training = start_training(data, **values, evaluate_every="20 epochs", engine=engine)
        records_of(training)
        return training.position.diverged_at

    assert diverged_at(0.0) == diverged_at(1e3) > 4


# --- what must change nothing -------------------------------------------------------------------

MLP = {
    "model": {"name": "mlp", "hidden": [7], "activation": "tanh"},
    "learning_rate": 0.01,
    "batch_size": 4,
    "epochs": 3,
}


@pytest.mark.parametrize("engine", ENGINES)
def test_same_config_and_seed_give_the_same_bytes(engine):
    histories = []
    for _ in range(2):
        histories.append([format_row(r).rsplit(",", 2)[0] for r in trained(classification(), **MLP, engine=engine)])
    assert histories[0] == histories[1]


def test_another_seed_gives_another_history():
    assert timeless(trained(classification(), **MLP)) != timeless(trained(classification(), **MLP, seed=1))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("features", [5, 7, 13, 20, 50])
def test_length_of_segments_changes_nothing(engine, features, monkeypatch):
    """Where a batch begins in memory depends on the segment, and MKL's last bits on where a batch begins."""
    histories = []
    for seconds in (0.0, 1e-4, 1e9):
        monkeypatch.setattr(loop, "SEGMENT_SECONDS", seconds)
        histories.append(timeless(trained(classification(features=features), **MLP | {"batch_size": 3}, engine=engine)))
    assert histories[0] == histories[1] == histories[2]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [4, "full"])
def test_place_of_the_data_in_memory_changes_nothing(engine, size):
    data, histories = classification(features=13), []
    for shift in (0, 1, 2, 3):
        memory = np.zeros(data.train.x.size + 64, np.float32)
        first = (-memory.ctypes.data // 4) % 16 + shift
        x = memory[first : first + data.train.x.size].reshape(data.train.x.shape)
        x[:] = data.train.x
        moved = replace(data, train=Split(x, data.train.y))
        histories.append(timeless(trained(moved, **(MLP | {"batch_size": size}), engine=engine)))
    assert all(history == histories[0] for history in histories)


@pytest.mark.parametrize("engine", ENGINES)
def test_evaluating_more_often_does_not_change_training(engine):
    seldom = timeless(trained(classification(), **MLP, evaluate_every="3 epochs", engine=engine))[-1]
    often = timeless(trained(classification(), **MLP, evaluate_every="1 step", engine=engine))[-1]
    del seldom["mean_batch_loss"], often["mean_batch_loss"]  # since the record before
    assert seldom == often


def test_evaluating_does_not_change_a_model_with_dropout_and_batch_norm(tmp_path):
    (tmp_path / "noisy.py").write_text(
        "from torch import nn\n"
        "def net():\n"
        "    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))\n"
    )
    last = []
    for every in ("3 epochs", "1 step"):
        torch.manual_seed(0)
        training = start_training(classification(rows=48), **(MLP | {"model": "noisy:net"}), evaluate_every=every)
        last.append(timeless(records_of(training))[-1])
        assert training.workload.model.training
        del last[-1]["mean_batch_loss"]
    assert last[0] == last[1]


# --- theory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("rate", "curvature"), [(0.1, 1.0), (0.3, 4.0), (0.6, 2.0), (0.45, 4.0)])
def test_gradient_descent_on_a_parabola_shrinks_by_1_minus_eta_lambda(engine, rate, curvature):
    """With x = c and y = 0 the output p = cw + b obeys p_t = (1 - eta (1 + c^2))^t p_0; loss = p^2 / 2."""
    c = math.sqrt(curvature - 1)
    data = make_data((np.full((6, 1), c), np.zeros((6, 1))))
    records = trained(
        data, model="linear", optimizer="sgd", loss="half_mse", learning_rate=rate, batch_size="full",
        epochs=12, evaluate_every="1 step", engine=engine,
    )  # fmt: skip
    measured = np.array([record.train_loss for record in records])
    factor = (1 - rate * curvature) ** np.arange(13)
    amplitude = np.sqrt(measured / measured[0])
    assert amplitude == pytest.approx(abs(factor), rel=1e-5, abs=3e-7)  # float32 keeps p to 1.2e-7 of its parts


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("rate", "momentum", "size"), [(0.1, 0.0, 1), (0.5, 0.0, 1), (0.5, 0.0, 4), (0.1, 0.5, 1), (0.05, 0.9, 1)]
)
def test_stationary_variance_under_independent_gradient_noise(engine, rate, momentum, size):
    """eta s^2 (1 + mu) / (lambda (1 - mu)(2 (1 + mu) - eta lambda)); eta s^2 / (lambda (2 - eta lambda)) for mu = 0.

    x = c: the output p = cw + b of each of 400 independent targets sees curvature lambda = 1 + c^2 and
    gradient lambda (p - y), y drawn with replacement: s^2 = lambda^2 var(y) / batch size. The mean over
    outputs in the loss divides gradients by 400, which the rate takes back. Standard error of a variance
    over 400 chains: 7 %, a third of that over many times; 4 % allowed, seeds fixed.
    """
    outputs, rows, c = 400, 3000, 0.5
    y = np.random.default_rng(2).normal(size=(rows, outputs))
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    training = start_training(
        make_data((np.full((rows, 1), c), y)), model="linear", loss="half_mse", sampling="replacement",
        optimizer={"name": "sgd", "momentum": momentum}, learning_rate=rate * outputs, batch_size=size,
        budget="2000 steps", evaluate_every="2000 steps", engine=engine,
    )  # fmt: skip
    seen = []
    training_model = training.workload.model
    for stop in range(200, 2001, 30):
        while training.position.step < stop:
            run_steps(training, training.position.step, stop)
            training.position.step = stop
        p = training_model(torch.full((1, 1), c)).detach().double().numpy()[0]
        seen.append((p**2).mean())
    curvature, noise = 1 + c**2, (1 + c**2) ** 2 / size
    theory = rate * noise * (1 + momentum)
    theory /= curvature * (1 - momentum) * (2 * (1 + momentum) - rate * curvature)
    assert np.mean(seen) == pytest.approx(theory, rel=0.04)


# --- an independent witness ---------------------------------------------------------------------


def plain_pytorch(data, optimizer, size: int, epochs: int, seed: int) -> list[tuple[float, float, float]]:
    """(train_loss, val_loss, mean batch loss) of each epoch, as a user would write it."""
    torch.manual_seed(torch_seed(seed, "init"))
    model = nn.Sequential(nn.Linear(data.features, 7), nn.Tanh(), nn.Linear(7, data.outputs))
    update, measure = optimizer(model.parameters()), nn.CrossEntropyLoss()
    x, y, x_val, y_val = map(torch.from_numpy, (data.train.x, data.train.y, data.validation.x, data.validation.y))
    results = []
    for epoch in range(epochs):
        key = np.random.SeedSequence([seed, 4, epoch])
        order = torch.from_numpy(np.random.Generator(np.random.PCG64(key)).permutation(len(x)))
        total = 0.0
        for batch in order.split(size):
            update.zero_grad()
            loss = measure(model(x[batch]), y[batch])
            loss.backward()
            update.step()
            total += loss.item() * len(batch)
        with torch.no_grad():
            results.append((measure(model(x), y).item(), measure(model(x_val), y_val).item(), total / len(x)))
    return results


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("section", "rate", "optimizer"),
    [
        ("adam", 0.01, lambda p: torch.optim.Adam(p, lr=0.01)),
        (
            {"name": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
            0.05,
            lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
        ),
    ],
    ids=["adam", "sgd"],
)
def test_losses_are_those_of_a_plain_pytorch_loop(engine, section, rate, optimizer):
    """Five epochs of 13 float32 steps, fused or compiled against plain: agreement to 1e-4."""
    data = classification(rows=50)
    records = trained(data, **(MLP | {"optimizer": section, "learning_rate": rate, "epochs": 5}), engine=engine, seed=3)
    ours = [(r.train_loss, r.val_loss, r.mean_batch_loss) for r in records[1:]]
    assert np.array(ours) == pytest.approx(np.array(plain_pytorch(data, optimizer, 4, 5, seed=3)), rel=1e-4)
