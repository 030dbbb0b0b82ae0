"""Range test and largest stable rate through the engines: known limits, and honest answers without one."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from sgdlab.cli.commands import app
from sgdlab.config import document_of
from sgdlab.probes.lr_range import RateRange, find_rates, range_losses, resolved_at
from sgdlab.probes.restarts import RestartedTraining
from sgdlab.probes.stable_rate import quadratic_limit, stable_rate
from sgdlab.training.start import new_session

GD = {
    "dataset": {"name": "airfoil-twin", "validation": 0, "standardize": False},
    "model": {"name": "linear", "init": {"name": "normal", "std": 0.01}},
    "loss": "half_mse",
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "batch_size": "full",
    "epochs": 1,
}


def training_of(config):
    session = new_session(document_of(config))
    return RestartedTraining(session.config, session.data)


def curvature(training):
    """λmax of half the mean squared error, by numpy alone."""
    x = training.workload.train.x.double().numpy()
    x = np.hstack([x, np.ones((len(x), 1))])
    return np.linalg.eigvalsh(x.T @ x / len(x))[-1]


@pytest.mark.parametrize("engine", ["native", "eager"])
def test_full_batch_descent_on_least_squares_is_stable_up_to_2_over_the_largest_curvature(engine):
    training = training_of(GD | {"engine": engine})
    found = stable_rate(training, 1e-4, 1e2)
    assert found.rate == pytest.approx(2 / curvature(training), rel=0.02)
    assert quadratic_limit(training.workload) == pytest.approx(2 / curvature(training), rel=1e-6)


def test_the_mean_squared_error_halves_the_limit_and_momentum_raises_it():
    training = training_of(GD | {"loss": "mse"})
    assert stable_rate(training, 1e-4, 1e2).rate == pytest.approx(1 / curvature(training), rel=0.02)
    heavy = training_of(GD | {"optimizer": {"name": "sgd", "momentum": 0.5}})
    assert quadratic_limit(heavy.workload) == pytest.approx(3 / curvature(heavy), rel=1e-6)
    assert stable_rate(heavy, 1e-4, 1e2).rate == pytest.approx(3 / curvature(heavy), rel=0.03)


def test_the_largest_stable_rate_rises_with_the_batch_and_falls_per_example():
    sizes = (1, 10, 1500)
    rates = [stable_rate(training_of(GD | {"batch_size": size}), 1e-4, 1e2).rate for size in sizes]
    assert rates[0] < rates[1] < rates[2]
    per_example = [rate / size for rate, size in zip(rates, sizes, strict=True)]
    assert per_example[0] > per_example[1] > per_example[2]


def test_a_rate_too_small_to_move_anything_is_not_called_unstable():
    training = training_of(GD | {"batch_size": 1})
    found = stable_rate(training, 1e-12, 1e-6, steps=60)
    assert found.rate is None
    assert found.stable == 1e-6
    assert "still stable" in found.reason


def test_trials_begin_from_the_same_weights_on_the_same_batches():
    training = training_of(GD | {"batch_size": 32})
    first, again = training.losses_at(np.full(60, 0.1)), training.losses_at(np.full(60, 0.1))
    assert np.array_equal(first, again)
    still = training.losses_at(np.zeros(60))
    assert first[0] == still[0]
    assert first[50:].mean() < still[50:].mean()


def test_after_the_first_loss_that_is_not_finite_nothing_counts():
    losses = training_of(GD).losses_at(np.full(400, 50.0))
    cut = int(np.isfinite(losses).argmin())
    assert 5 < cut < 100
    assert np.isnan(losses[cut:]).all()


def test_the_batches_own_noise_does_not_move_the_suggestion():
    session = new_session(document_of(GD))
    configs = resolved_at(session.config, session.data, [10, "full"])
    small, full = find_rates(configs, lambda seed: session.data, (0,), RateRange(1e-5, 1e2, 350), 60)
    assert full.label == "full batch (1,500)"
    assert small.range_test.suggestion == pytest.approx(full.range_test.suggestion, rel=2)  # raw losses gave 0.0002
    assert small.range_test.suggestion > 0.005
    raw = np.ptp(training_of(GD | {"batch_size": 10}).losses_at(np.geomspace(1e-9, 1e-8, 50)))
    assert np.ptp(range_losses(training_of(GD | {"batch_size": 10}), RateRange(1e-9, 1e-8, 50))) < 1e-3 * raw


def test_a_sweep_that_never_falls_gives_no_suggestion():
    session = new_session(document_of(GD))
    (found,) = find_rates([session.config], lambda seed: session.data, (0,), RateRange(1e-9, 1e-7, 100), 60)
    assert found.range_test.suggestion is None
    assert "never fell clearly" in found.range_test.reason


def test_the_command_writes_its_folder_and_names_the_limit(tmp_path):
    options = ["--set", "dataset.name=airfoil-twin", "--batch-sizes", "10,full", "--seeds", "0-1", "--name", "r"]
    shown = CliRunner().invoke(app, ["probe", "lr-range", "d2l/gd-stable", *options, "--runs-dir", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert "2(1 + momentum)/λmax = 0.953" in shown.output
    names = {path.name for path in (tmp_path / "r").iterdir()}
    assert names == {"lr-range.csv", "lr-range-curves.csv", "lr-range.json", "lr-range.png", "stability.png"}
    assert json.loads((tmp_path / "r" / "lr-range.json").read_text())["seeds"] == [0, 1]


@pytest.mark.parametrize(
    "wrong", [["--low", "2", "--high", "1"], ["--batch-sizes", "8,9000"], ["--batch-sizes", "0"], ["--seeds", "x"]]
)
def test_bad_input_is_one_message_and_leaves_nothing(tmp_path, monkeypatch, capsys, wrong):
    from sgdlab.cli import main

    monkeypatch.setattr(
        "sys.argv", ["sgdlab", "probe", "lr-range", "default", "--runs-dir", str(tmp_path / "runs"), *wrong]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
