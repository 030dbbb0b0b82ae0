"""The notebook API: the same runs as the command line's, as objects."""

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
import torch

import sgdlab as package
from sgdlab.errors import ConfigError, RunFolderError
from tests.support import TINY, sgdlab, without_clock


def test_train_gives_a_run_with_history_summary_plot_and_model(runs):
    run = package.train(TINY, runs_dir=runs, name="one")
    assert isinstance(run.history, pd.DataFrame) and len(run.history) == 3
    assert run.summary["status"] == "completed" and run.path == runs / "one"
    assert isinstance(run.plot(), matplotlib.figure.Figure)
    model = run.load_model()
    assert isinstance(model, torch.nn.Module) and not model.training


def test_train_equals_the_command(tiny, runs):
    package.train(tiny, runs_dir=runs, name="api", seed=3, learning_rate=0.1)
    sgdlab("train", tiny, "--runs-dir", runs, "--name", "cli", "--seed", 3, "--learning-rate", 0.1, "-q")
    assert without_clock(runs / "api" / "history.csv") == without_clock(runs / "cli" / "history.csv")


def test_options_reach_into_sections_and_numpys_numbers_and_paths_are_taken(runs, tmp_path):
    np.savez(tmp_path / "rows.npz", x=np.eye(20), y=np.arange(20) / 20)
    run = package.train(
        {"dataset": {"name": "npz", "path": tmp_path / "rows.npz"}, "model": {"name": "mlp", "hidden": (3,)}},
        runs_dir=runs,
        epochs=np.int64(2),
        learning_rate=np.float64(0.01),
        batch_size=np.int64(4),
        model__hidden=(np.int64(5), 2),
    )
    config = run.config
    assert (config.epochs, config.learning_rate.initial, config.batch_size.initial) == (2, 0.01, 4)
    assert config.model.model_dump()["hidden"] == (5, 2)


def test_callers_mapping_is_left_as_it_was(runs):
    values = TINY | {"dataset": {"name": "airfoil-twin", "limit": 60}}
    package.train(values, runs_dir=runs, overrides=["dataset.limit=50", "dataset.repeat=2"])
    assert values["dataset"] == {"name": "airfoil-twin", "limit": 60}


def test_user_errors_are_exceptions_of_sgdlab_and_leave_nothing(runs):
    with pytest.raises(ConfigError, match=r"--batch-size 99 batch_size\.initial: 99 is above the 48"):
        package.train(TINY, runs_dir=runs, batch_size=99)
    with pytest.raises(ConfigError, match="--name '': is empty"):
        package.train(TINY, runs_dir=runs, name="")
    assert not runs.exists()


def test_open_run_tells_a_run_from_a_sweep_from_nothing(tmp_path, runs):
    package.train(TINY, runs_dir=runs, name="one")
    package.sweep(TINY, seeds=range(2), runs_dir=runs, name="grid")
    assert isinstance(package.open_run(runs / "one"), package.Run)
    opened = package.open_run(runs / "grid")
    assert isinstance(opened, package.Sweep) and len(opened.runs) == len(opened.results) == 2
    assert isinstance(opened.plot(), matplotlib.figure.Figure) and opened.summary["n"].tolist() == [2]
    with pytest.raises(RunFolderError, match="neither a run nor a sweep"):
        package.open_run(tmp_path)
    with pytest.raises(RunFolderError, match="does not exist"):
        package.open_run(tmp_path / "nowhere")


def test_train_after_train_and_sweep_after_train_work_in_one_process(runs):
    """A fork after torch has run threads must not hang: two threads, then workers."""
    package.train(TINY, runs_dir=runs, threads=2)
    done = package.sweep(TINY, seeds=range(2), runs_dir=runs, threads=2, jobs=2)
    assert done.results["status"].tolist() == ["completed"] * 2
