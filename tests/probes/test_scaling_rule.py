"""Scaled configs: the rules' numbers in what `train` reads, refusals, growth, and the check of two curves."""

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from sgdlab import api
from sgdlab.cli.commands import app
from sgdlab.config import Document, document_of, load_config
from sgdlab.errors import ConfigError
from sgdlab.probes.scaling_check import agreement
from sgdlab.probes.scaling_rule import apply_scaling_rule
from sgdlab.training.start import new_session
from tests.support import sgdlab

SGD = {"dataset": "mnist-10k", "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 64, "epochs": 40}
ADAM = SGD | {"optimizer": {"name": "adam", "beta1": 0.9, "beta2": 0.999}, "learning_rate": 0.001}


def moved(values, rule, to=None, rows=8000):
    return apply_scaling_rule(Document(dict(values)), rule, to, rows)


def test_linear_multiplies_the_rate_by_kappa_with_five_epochs_of_warm_up():
    config = moved(SGD, "linear", 512).config
    assert (config.batch_size.initial, config.learning_rate.initial) == (512, pytest.approx(0.8))
    assert config.learning_rate.warmup == 5
    assert moved(SGD | {"epochs": 8}, "linear", 512).config.learning_rate.warmup == 2
    assert moved(SGD, "linear", 16).config.learning_rate.model_dump() == pytest.approx(
        {"initial": 0.025, "warmup": 0.0, "per": "epoch", "schedule": "constant"}
    )


def test_a_text_that_looks_like_a_number_is_still_a_text_in_the_scaled_file(tmp_path):
    """YAML 1.1 writes 1e3 without quotes, which a config's reader takes for 1000."""
    table = SGD | {"dataset": {"name": "csv", "path": "t.csv", "target": "1e3", "task": "regression"}}
    (tmp_path / "scaled.yaml").write_text(moved(table, "linear", 512).yaml())
    assert getattr(load_config(tmp_path / "scaled.yaml").dataset, "target", None) == "1e3"


def test_sqrt_multiplies_the_rate_by_the_root_of_kappa():
    assert moved(ADAM, "sqrt", 256).config.learning_rate.initial == pytest.approx(0.002)


def test_adams_rule_moves_betas_and_eps_with_the_rate():
    config = moved(ADAM, "adam", 256).config
    assert config.learning_rate.initial == pytest.approx(0.002)
    assert config.optimizer.beta1 == pytest.approx(1 - 4 * 0.1)
    assert config.optimizer.beta2 == pytest.approx(1 - 4 * 0.001)
    assert config.optimizer.eps == pytest.approx(1e-8 / 2)


def test_what_counts_steps_covers_the_same_examples():
    values = {**SGD, "budget": "4000 steps", "evaluate_every": "100 steps"} | {
        "learning_rate": {"initial": 0.1, "per": "step", "schedule": "step", "every": 1000, "warmup": 80}
    }
    del values["epochs"]
    new = moved(values, "linear", 256)
    assert str(new.config.budget) == "1000 steps"
    assert str(new.config.evaluate_every) == "25 steps"
    assert (new.config.learning_rate.every, new.config.learning_rate.warmup) == (250, 20)
    assert "budget: 4000 steps -> 1000 steps, the same examples" in new.notes


def test_a_full_batch_counts_as_all_rows():
    assert moved(SGD | {"batch_size": "full"}, "sqrt", 2000).config.learning_rate.initial == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("values", "rule", "to", "message"),
    [
        (ADAM, "linear", 512, "is derived for sgd, not adam"),
        (SGD, "adam", 512, "is for adam and adamw, not sgd; use --rule linear"),
        (ADAM, "adam", 640, "reaches batch sizes below 640"),
        (SGD, "linear", 9000, "must lie between 1 and the 8,000 training rows"),
        (SGD, "linear", None, "needs the new batch size"),
        (SGD | {"batch_size": {"initial": 8, "every": 2}}, "sqrt", 64, "the batch grows during the run"),
        (SGD | {"learning_rate": 0.0}, "sqrt", 128, "must be finite and above 0"),
        (SGD, "growth", None, "turns a falling step schedule into growth"),
        (
            SGD | {"learning_rate": {"initial": 0.1, "schedule": "step", "factor": 0.3}},
            "growth",
            None,
            "no whole number",
        ),
    ],
)
def test_where_a_rule_does_not_hold_it_is_refused(values, rule, to, message):
    with pytest.raises(ConfigError, match=message):
        moved(values, rule, to)


def test_growth_multiplies_the_batch_where_the_rate_would_be_divided():
    """Smith et al. 2018: η/B after each change is that of the falling schedule."""
    from sgdlab.training.sampling import batch_plan

    falling = SGD | {"learning_rate": {"initial": 0.1, "schedule": "step", "every": 3, "factor": 0.5}, "epochs": 12}
    before = document_of(falling)
    new = moved(falling, "growth")
    plan = batch_plan(new.config, 8000)
    assert [plan.size_in(epoch) for epoch in range(12)] == [64] * 3 + [128] * 3 + [256] * 3 + [512] * 3
    schedule = new_session(before).training.schedule
    for epoch in (0, 3, 6, 9):
        assert 0.1 / plan.size_in(epoch) == pytest.approx(schedule.lr_at(125 * epoch) / 64)


def test_training_with_a_growing_batch_sees_the_right_sizes_and_every_row_once(tmp_path):
    values = {
        "dataset": {"name": "airfoil-twin", "validation": 0},
        "model": "linear",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "batch_size": {"initial": 100, "every": 2, "factor": 3, "maximum": 600},
        "epochs": 6,
    }
    history = api.train(values, runs_dir=tmp_path).history
    assert history["batch_size"].tolist()[1:] == [100, 100, 300, 300, 600, 600]
    assert history["step"].tolist() == [0, 15, 30, 35, 40, 43, 46]
    assert history["examples"].tolist() == [1500 * epoch for epoch in range(7)]
    assert history["learning_rate"].nunique() == 1


def test_the_written_config_is_one_that_train_takes(tmp_path):
    out = tmp_path / "larger.yaml"
    options = ["--set", "dataset.name=airfoil-twin", "--set", "epochs=20", "--to", "100", "--rule", "linear"]
    shown = CliRunner().invoke(app, ["probe", "scaling-rule", "d2l/minibatch-10", *options, "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    config = load_config(out)
    assert config.learning_rate.initial == pytest.approx(0.5)
    assert out.read_text().startswith("# batch size 10 -> 100 (κ = 10), rule linear")
    printed = CliRunner().invoke(app, ["probe", "scaling-rule", "d2l/minibatch-10", *options]).output
    assert yaml.safe_load(printed) == yaml.safe_load(out.read_text())


def test_an_existing_file_is_not_overwritten_and_a_refusal_writes_nothing(tmp_path, monkeypatch):
    from sgdlab.cli import main

    taken = tmp_path / "taken.yaml"
    taken.write_text("mine")
    for out, more in ((taken, []), (tmp_path / "new.yaml", ["--set", "batch_size=1"])):
        line = ["sgdlab", "probe", "scaling-rule", "default", "--to", "512", "--rule", "adam", "--out", str(out), *more]
        monkeypatch.setattr("sys.argv", line)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
    assert taken.read_text() == "mine"
    assert not (tmp_path / "new.yaml").exists()


def history(losses, epochs=None):
    epochs = list(range(len(losses))) if epochs is None else epochs
    return pd.DataFrame({"epoch": [float(e) for e in epochs], "val_loss": losses, "train_loss": losses})


def test_the_largest_gap_by_epoch_and_the_last_one_are_measured():
    first = {0: history([9.0, 1.0, 0.5, 0.40]), 1: history([9.0, 1.2, 0.7, 0.50])}
    second = {0: history([1.0, 1.5, 0.6, 0.42]), 1: history([1.0, 1.9, 0.8, 0.54])}
    found = agreement(first, second)
    assert (found.largest, found.at_epoch) == (pytest.approx(0.6), 1)  # row 0 is before any update
    assert found.spread == (pytest.approx(0.1414, rel=1e-3), pytest.approx(0.2828, rel=1e-3))
    assert found.final.estimate == pytest.approx(0.03)
    assert found.final.low < 0 < found.final.high
    assert "cannot tell them apart" in found.in_words("a", "b")[1]


def test_curves_with_other_records_are_compared_where_both_have_been():
    fine = history([9, 4, 3, 2, 1], [0, 0.5, 1, 1.5, 2])
    coarse = history([9, 3.5, 1.5], [0, 1, 2])
    found = agreement({0: fine}, {0: coarse})
    assert found.epochs.tolist() == [1, 2]
    assert found.gap.tolist() == [0.5, 0.5]


def test_seeds_that_one_of_them_lacks_are_left_out_and_none_left_is_no_number():
    tables = {0: history([9.0, 1.0]), 1: history([9.0, 2.0])}
    assert agreement(tables, {0: tables[0]}).seeds == (0,)
    assert agreement({0: tables[0]}, {1: tables[1]}) is None


def test_a_rule_under_which_a_run_diverges_says_so_and_compares_nothing(tmp_path):
    changes = ["--set", "dataset.name=airfoil-twin", "--set", "learning_rate=8", "--to", "20"]
    answer = sgdlab("probe", "scaling-rule", "d2l/minibatch-10", *changes, "--check", "--runs-dir", tmp_path, "-q")
    assert answer.code == 0, answer.err
    assert "batch 10, seed 0: " in answer.out and "the seed is left out" in answer.out
    assert "no seed is left in which both runs can be compared" in answer.out


def test_check_trains_both_and_draws_them(tmp_path):
    options = ["--set", "dataset.name=airfoil-twin", "--to", "20", "--rule", "linear", "--check", "--seeds", "0-1"]
    shown = CliRunner().invoke(
        app, ["probe", "scaling-rule", "d2l/minibatch-10", *options, "--runs-dir", str(tmp_path)]
    )
    assert shown.exit_code == 0, shown.output
    assert "largest gap in train loss by epoch" in shown.output
    (folder,) = tmp_path.iterdir()
    assert {"original-seed0", "scaled-seed1", "scale-check.png", "scale-check.csv"} <= {
        p.name for p in folder.iterdir()
    }
    assert load_config(folder / "scaled-seed1" / "config.yaml").batch_size.initial == 20
