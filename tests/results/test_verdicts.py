"""Verdicts on folders of runs: groups by everything but the seed, honest about what cannot be judged."""

import json

import pytest
from typer.testing import CliRunner

from sgdlab.cli.commands import app
from sgdlab.config import build_config, config_to_yaml
from sgdlab.config.document import Document
from sgdlab.errors import UserError
from sgdlab.results.labels import setting_headline, setting_label
from sgdlab.results.verdicts import compare_runs
from sgdlab.runs.history import COLUMNS
from tests.support import TINY, sgdlab, write_config

LOSSES = {8: [0.20, 0.21, 0.19, 0.22, 0.20], 256: [0.25, 0.27, 0.23, 0.28, 0.25]}


def write_run(parent, name, size, seed, summary, **more):
    """A run folder with a config and a summary, as a run leaves it."""
    folder = parent / name
    folder.mkdir(parents=True)
    values = {"dataset": "mnist-10k", "batch_size": size, "seed": seed, "loss": "cross_entropy", "engine": "native"}
    values |= {"device": "cpu", "threads": 1} | ({} if "budget" in more else {"epochs": 3}) | more
    (folder / "config.yaml").write_text(config_to_yaml(build_config(Document(values))))
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "history.csv").write_text(",".join(COLUMNS) + "\n")
    for name in ("environment.json", "preprocess.json"):
        (folder / name).write_text("{}")


@pytest.fixture
def runs(tmp_path):
    for size, losses in LOSSES.items():
        for seed, loss in enumerate(losses):
            summary = {
                "status": "completed",
                "best_val_loss": loss,
                "best_val_accuracy": 1 - loss,
                "steps": 24000 // size,
            }
            write_run(tmp_path, f"bs{size}-seed{seed}", size, seed, summary)
    return tmp_path


def test_seeds_are_paired_and_the_difference_has_its_t_interval(runs):
    found = compare_runs([runs])
    (pair,) = found.pairs
    assert [setting.label for setting in found.settings] == ["batch 8", "batch 256"]
    assert pair.text == "batch 8 beats batch 256 by 0.052 [0.042, 0.062], n = 5, paired t"  # d̄ .052, s .00837


def test_the_budget_held_equal_and_what_it_leaves_unequal_are_named(runs):
    lines = compare_runs([runs]).lines()
    assert lines[0] == "best_val_loss, lower is better; held equal: 3 epochs"
    steps = "note: the runs made 93 (batch 256) to 3,000 steps (batch 8): a larger batch that trails may only have "
    assert f"{steps}had fewer" in lines
    assert any("one learning rate (0.001) for all batch sizes" in line for line in lines)


def test_a_null_in_a_plan_is_written_as_tables_write_it():
    assert setting_label({"batch_size": 8, "stop_at": None, "seed": 1}) == "batch 8, stop_at –"


def test_more_is_better_for_accuracy(runs):
    found = compare_runs([runs], "best_val_accuracy")
    assert found.pairs[0].text.startswith("batch 8 beats batch 256 by 0.052 [0.042, 0.062]")
    assert "higher is better" in found.lines()[0]


def test_a_setting_that_diverged_is_said_to_have_and_never_wins(runs):
    (runs / "bs8-seed4" / "summary.json").write_text(json.dumps({"status": "diverged", "best_val_loss": 0.01}))
    (pair,) = compare_runs([runs]).pairs
    assert pair.outcome == "cannot tell"
    assert "batch 8 diverged in 1 of 5 seeds" in pair.text
    assert "batch 8 is ahead only where it survived, n = 4" in pair.text


def test_failed_and_damaged_runs_are_left_out_by_name(runs):
    (runs / "bs8-seed3" / "summary.json").write_text(json.dumps({"status": "failed", "reason": "OSError: full"}))
    (runs / "bs8-seed4" / "summary.json").write_text("{")
    found = compare_runs([runs])
    assert found.pairs[0].n == 3
    assert "bs8-seed3: failed, OSError: full" in found.left_out
    assert any(text.startswith("bs8-seed4: damaged") for text in found.left_out)


def test_too_few_seeds_say_how_many_would_do(tmp_path):
    for size, losses in {8: [0.20, 0.25, 0.22], 64: [0.21, 0.24, 0.24]}.items():
        for seed, loss in enumerate(losses):
            write_run(tmp_path, f"bs{size}-{seed}", size, seed, {"status": "completed", "best_val_loss": loss})
    (pair,) = compare_runs([tmp_path]).pairs
    assert pair.text.startswith("cannot tell batch 8 from batch 64: n = 3, needs about ")
    assert pair.needed > 3


def test_runs_on_other_data_are_not_judged(runs):
    for seed in range(3):
        summary = {"status": "completed", "best_val_loss": 0.5}
        write_run(runs, f"other-{seed}", 8, seed, summary, dataset={"name": "mnist-10k", "limit": 500})
    found = compare_runs([runs])
    assert found.pairs == []
    assert "dataset.limit" in found.reason


def test_one_seed_each_gives_a_reason_instead_of_a_verdict(tmp_path):
    for size in (8, 64):
        write_run(tmp_path, f"bs{size}", size, 0, {"status": "completed", "best_val_loss": 0.2})
    found = compare_runs([tmp_path])
    assert found.pairs == []
    assert "one seed for each setting" in found.reason


def test_a_setting_with_few_of_its_seeds_is_not_the_best_by_luck(tmp_path):
    for size, losses in {8: [0.1], 64: [0.3, 0.31, 0.32], 256: [0.35, 0.36]}.items():
        for seed, loss in enumerate(losses):
            write_run(tmp_path, f"bs{size}-{seed}", size, seed, {"status": "completed", "best_val_loss": loss})
    found = compare_runs([tmp_path])
    assert found.best is not None and found.best.label == "batch 64"
    assert [setting.label for setting in found.rivals] == ["batch 8", "batch 256"]


def test_of_many_settings_the_pairs_with_the_best_are_shown_and_of_too_many_none(tmp_path, monkeypatch):
    for size in range(1, 13):
        for seed in range(2):
            summary = {"status": "completed", "best_val_loss": size + seed / 10}
            write_run(tmp_path, f"bs{size}-{seed}", size, seed, summary)
    found = compare_runs([tmp_path])
    assert len(found.pairs) == 66 and len(found.shown_pairs) == 11
    assert "55 further pairs are not shown; all 66 are corrected for together" in found.lines()
    monkeypatch.setattr("sgdlab.results.verdicts.MOST_SETTINGS", 11)
    found = compare_runs([tmp_path])
    assert "12 settings are too many to test every pair" in found.reason
    assert found.best is not None and found.best.label == "batch 1"


def test_a_sweep_is_judged_alike_by_its_plan_and_by_its_runs(tmp_path):
    config = write_config(tmp_path / "a.yaml", TINY)
    words = ("--batch-sizes", "8,16", "--learning-rates", "0.05,1", "--seeds", "0-1", "--runs-dir", tmp_path, "-q")
    assert sgdlab("sweep", config, *words, "--name", "grid").code == 0
    by_plan, by_runs = compare_runs([tmp_path / "grid"]), compare_runs([tmp_path])
    assert [setting.label for setting in by_plan.settings] == [
        "batch 8, rate 0.05", "batch 8, rate 1", "batch 16, rate 0.05", "batch 16, rate 1",
    ]  # fmt: skip
    assert by_plan.lines() == by_runs.lines()


@pytest.mark.parametrize(
    ("setting", "label", "headline"),
    [
        ({"batch_size": 8, "learning_rate": 0.1, "seed": 3}, "batch 8, rate 0.1", "Batch size 8, learning rate 0.1"),
        ({"batch_size.initial": "full"}, "batch full", "batch size full"),
        ({"optimizer": {"name": "sgd", "momentum": 0.9}}, "sgd, optimizer.momentum 0.9", None),
        ({"model.hidden": [50, 20]}, "model.hidden [50, 20]", "model.hidden [50, 20]"),
        ({"seed": 3}, "all seeds", "The one setting"),
    ],
)
def test_a_setting_is_named_by_what_was_varied(setting, label, headline):
    assert setting_label(setting) == label
    assert headline in (None, setting_headline(setting))


def test_budgets_that_differ_are_said_not_to_be_held_equal(tmp_path):
    for size, budget in ((8, "3000 steps"), (64, "400 steps")):
        for seed in range(2):
            summary = {"status": "completed", "best_val_loss": 0.2 + seed / 10}
            write_run(tmp_path, f"bs{size}-{seed}", size, seed, summary, budget=budget)
    assert "not held equal: budgets of 3000 steps, 400 steps" in compare_runs([tmp_path]).lines()[0]


def test_an_unknown_metric_is_one_message_with_the_choices(runs):
    with pytest.raises(UserError, match=r"--metric nope: no run here has it; choose one of best_val_loss"):
        compare_runs([runs], "nope")


def test_compare_prints_table_and_verdicts_and_csv_stays_plain(runs):
    shown = CliRunner().invoke(app, ["compare", str(runs)])
    assert shown.exit_code == 0, shown.output
    assert "batch 8 beats batch 256 by 0.052 [0.042, 0.062]" in shown.output
    csv = CliRunner().invoke(app, ["compare", str(runs), "--csv"]).output.splitlines()
    assert csv[0].startswith("run,batch_size.initial,seed,status")
    assert len(csv) == 11
