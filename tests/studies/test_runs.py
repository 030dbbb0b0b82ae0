"""Studies carried out: what they leave, what they repeat (nothing), what they refuse, what they recommend."""

import json
import math
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import yaml

import sgdlab as package
from sgdlab.config import document_of, load_config
from sgdlab.errors import RunFailed
from sgdlab.studies.create import create_study, plan_study
from sgdlab.studies.execute import run_rounds
from sgdlab.studies.opened import Study
from sgdlab.training.signals import StopRequest
from tests.support import Watching, sgdlab, without_clock, write_config

SMALL = {
    "dataset": {"name": "airfoil-twin", "limit": 150},
    "model": "linear",
    "loss": "half_mse",
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "batch_size": 8,
    "epochs": 30,
    "engine": "native",
}
"""Runs of a few milliseconds: 120 training rows, 30 for validation."""
ASKED = [
    "--batch-sizes",
    "8,32",
    "--learning-rates",
    "0.02,0.05",
    "--seeds",
    "0-1",
    "--runs-dir",
    "runs",
    "--name",
    "it",
]


@pytest.fixture
def small(tmp_path):
    return write_config(tmp_path / "small.yaml", SMALL)


def run_states(path):
    """Each run folder with when its history was last written to."""
    return {folder.name: (folder / "history.csv").stat().st_mtime_ns for folder in (path / "runs").iterdir()}


def without_seconds(path):
    table = pd.read_csv(path / "results.csv")
    return table.drop(columns=[name for name in table.columns if "second" in name])


def test_study_leaves_tables_answer_figures_and_ordinary_runs(small, tmp_path):
    answer = sgdlab("study", small, *ASKED)
    path = tmp_path / "runs" / "it"
    assert answer.code == 0, answer.err
    assert all(
        word in answer.out for word in ("best rate", "reached", "median steps", "efficiency", "held equal", "fit")
    )
    figures = ("steps_to_target.png", "best_rate.png", "seconds_to_target.png")
    for name in ("study.yaml", "results.csv", "tuning.csv", "study.json", *figures):
        assert (path / name).stat().st_size > 0
    table, told = pd.read_csv(path / "results.csv"), json.loads((path / "study.json").read_text())
    assert list(table["batch_size"]) == [8, 32] and (table["runs"] == 2).all()
    assert told["target"]["from"] == "tuning" and f"val_loss={told['target']['value']}" in answer.out
    measured = [package.Run(folder) for folder in (path / "runs").glob("measure-*")]
    assert len(measured) == 4
    for run in measured:
        assert run.config.stop_at.value == told["target"]["value"]
        reached = run.history["val_loss"] <= told["target"]["value"]
        assert run.summary["target_reached"] == reached.any()
        assert reached.sum() <= 1, "a run goes on after its target"
    tuned = {
        package.Run(folder).config.seed for folder in (path / "runs").iterdir() if not folder.name.startswith("measure")
    }
    assert tuned and not tuned & {run.config.seed for run in measured} and set(told["tuning_seeds"]) >= tuned


def test_medians_are_those_of_the_runs(small, tmp_path):
    assert sgdlab("study", small, *ASKED, "--stop-at", "val_loss=0.35").code == 0
    path = tmp_path / "runs" / "it"
    for _, row in pd.read_csv(path / "results.csv").iterrows():
        steps = []
        for folder in (path / "runs").glob(f"measure-bs{int(row['batch_size'])}-*"):
            history = package.Run(folder).history
            hit = history[history["val_loss"] <= 0.35]
            steps.append(hit["step"].iloc[0] if len(hit) else math.inf)
        assert len(steps) == 2 and row["reached"] == np.isfinite(steps).sum()
        assert row["steps"] == np.median(steps)


def test_extending_and_resuming_repeat_no_run(small, tmp_path):
    path = tmp_path / "runs" / "it"
    assert sgdlab("study", small, *ASKED, "--learning-rates", "0.2").code == 0
    before, target = run_states(path), yaml.safe_load((path / "study.yaml").read_text())["target"]
    assert sgdlab("resume", path).code == 0
    assert run_states(path) == before
    more = sgdlab(
        "study", small, "--batch-sizes", "8,16,32", "--learning-rates", "0.2", "--seeds", "0-2", "--into", path
    )
    assert more.code == 0, more.err
    after = run_states(path)
    assert {name: after[name] for name in before} == before
    new = after.keys() - before.keys()
    assert {name for name in new if "-bs16-" not in name} == {
        name for name in after if name.startswith("measure-") and name.endswith("seed2") and "-bs16-" not in name
    }
    assert yaml.safe_load((path / "study.yaml").read_text())["target"] == target
    measured = [package.Run(path / "runs" / name).summary["steps"] for name in after if name.startswith("measure-")]
    assert len(measured) == 9 and pd.read_csv(path / "results.csv")["runs"].sum() == sum(
        steps > 0 for steps in measured
    )


def test_a_stopped_study_goes_on_to_the_result_of_an_uninterrupted_one(small, tmp_path):
    plan = plan_study(document_of(small), [8, 32], [0.05], [0, 1])
    stopped, whole = (create_study(plan, tmp_path / "runs", name) for name in ("stopped", "whole"))
    stop, seen = StopRequest(), []

    def observe(entry, report):
        seen.append(entry)
        stop.requested = len(seen) > 6

    assert run_rounds(stopped, 1, lambda words, entries: nullcontext(Watching(observe)), stop) is False
    assert not Study(stopped).complete
    done = {name for name, _ in run_states(stopped).items()}
    assert sgdlab("resume", stopped, "--quiet").code == 0
    assert sgdlab("resume", whole, "--quiet").code == 0
    assert 0 < len(done) < len(run_states(stopped))
    assert run_states(stopped).keys() == run_states(whole).keys()
    pd.testing.assert_frame_equal(without_seconds(stopped), without_seconds(whole))
    for name in run_states(whole):
        assert without_clock(stopped / "runs" / name / "history.csv") == without_clock(
            whole / "runs" / name / "history.csv"
        )


def test_a_target_that_no_run_reaches_is_a_result(small, tmp_path):
    answer = sgdlab("study", small, *ASKED, "--stop-at", "val_loss=1e-6", "--budget", "3 epochs")
    path = tmp_path / "runs" / "it"
    assert answer.code == 0 and "> 45" in answer.out and "0/2" in answer.out and "cannot tell" in answer.out
    table = pd.read_csv(path / "results.csv")
    assert table["steps"].isna().all() and (table["reached"] == 0).all() and np.isinf(table["steps_high"]).all()
    advice = sgdlab("recommend", path)
    assert advice.code == 0 and "cannot tell" in advice.out and not (path / "recommended.yaml").exists()


def test_recommended_config_trains_at_the_recommended_batch_size_and_rate(small, tmp_path):
    assert sgdlab("study", small, *ASKED, "--learning-rates", "0.05", "--stop-at", "val_loss=0.35").code == 0
    names: dict[Literal["time", "computation"], str] = {"time": "recommended.yaml", "computation": "best.yaml"}
    for goal, name in names.items():
        out = () if goal == "time" else ("--out", tmp_path / name)
        advice = sgdlab("recommend", tmp_path / "runs" / "it", "--goal", goal, *out)
        assert advice.code == 0 and "least time" in advice.out and "least computation" in advice.out
        where = tmp_path / "runs" / "it" / name if goal == "time" else tmp_path / name
        best = Study(tmp_path / "runs" / "it").recommend(goal).best
        config = load_config(where)
        assert (config.batch_size.initial, config.learning_rate.initial) == (best.batch_size, best.learning_rate)
        assert config.dataset == load_config(small).dataset and config.epochs == 30
        assert sgdlab("train", where, "--quiet", "--epochs", "1").code == 0


def test_a_csv_file_and_a_module_of_the_users_own_go_through(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(160, 3))
    kind = np.where(x.sum(axis=1) > 0, "up", "down")
    pd.DataFrame(x, columns=list("abc")).assign(kind=kind).to_csv(tmp_path / "mine.csv", index=False)
    module = (
        "from torch import nn\nclass Net(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Linear(3, 2))\n"
    )
    (tmp_path / "net.py").write_text(module)
    config = write_config(
        tmp_path / "mine.yaml",
        {
            "dataset": {"name": "csv", "path": "mine.csv", "target": "kind"},
            "model": {"name": "net.py:Net", "input": "flat"},
            "learning_rate": 0.1,
            "batch_size": 16,
            "epochs": 6,
        },
    )
    answer = sgdlab(
        "study", config, "--batch-sizes", "8,32", "--seeds", "0", "--learning-rates", "0.1", "--name", "own"
    )
    assert answer.code == 0, answer.err
    assert sgdlab("recommend", "runs/own").code == 0
    assert load_config("runs/own/recommended.yaml").model.name == f"{tmp_path / 'net.py'}:Net"


def test_runs_that_fail_end_the_study_with_1_and_resume_takes_them_up(tmp_path):
    module = (
        "import os, torch\nclass Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(6, 1)\n"
        "    def forward(self, x):\n        if self.training and os.path.exists('broken'):\n"
        "            raise ValueError('not today')\n        return super().forward(x)\n"
    )
    (tmp_path / "net.py").write_text(module.replace("6, 1", "5, 1"))
    config = write_config(
        tmp_path / "own.yaml", SMALL | {"model": {"name": "net.py:Net"}, "engine": "eager", "epochs": 2}
    )
    (tmp_path / "broken").touch()
    words = [
        "--batch-sizes",
        "8,32",
        "--seeds",
        "0",
        "--learning-rates",
        "0.05",
        "--name",
        "own",
        "--stop-at",
        "val_loss=0.45",
    ]
    failed = sgdlab("study", config, *words)
    assert failed.code == 1 and "not today" in failed.err and "sgdlab resume" in failed.err
    (tmp_path / "broken").unlink()
    assert sgdlab("resume", "runs/own").code == 0
    assert Study("runs/own").complete


def test_study_of_the_notebook_api_gives_table_fit_and_recommendation(tmp_path):
    study = package.study(
        dict(SMALL), batch_sizes=[8, 32], learning_rates=[0.05], seeds=[0], stop_at="val_loss=0.3", runs_dir=tmp_path
    )
    assert list(study.table["batch_size"]) == [8, 32] and not study.fit.can_tell
    assert study.recommend("computation").unit == "examples"
    count = len(run_states(study.path))
    more = package.extend_study(study.path, seeds=[1])
    assert list(more.table["runs"]) == [2, 2] and len(run_states(more.path)) == count + 2


BAD = [
    (("--batch-sizes", "8"), "at least two batch sizes"),
    (("--batch-sizes", "8,500"), "above the 120 training rows"),
    (("--batch-sizes", "8,x"), "whole numbers"),
    (("--seeds", ""), "--seeds"),
    (("--stop-at", "val_accuracy=0.9"), "never measured in a regression"),
    (("--stop-at", "val_los=0.9"), "must name one of"),
    (("--stop-at", "val_loss=9"), "before the first step"),
    (("--budget", "200 epocs"), "must be a number and one of"),
    (("--budget", "-3 steps"), "--budget"),
    (("--learning-rates", "0.1,-1"), "above 0"),
    (("--learning-rates", "fast"), "above 0"),
    (("--set", "dataset.validation=0", "--stop-at", "val_loss=0.2"), "never measured without a validation split"),
    (("--set", "batch_size.every=1"), "constant batch sizes"),
    (("--batch-size", "8"), "Possible options: --batch-sizes"),
    (("--set", "batch_size=8"), "--set batch_size=8: a study varies it; use --batch-sizes"),
    (("--set", "seed=3"), "a study varies it; use --seeds"),
    (("--set", "learning_rate=0"), "rate above 0"),
    (("--set", "modell=linear"), "modell"),
    (("--into", "nowhere"), "does not exist"),
    (("--jobs", "0"), ""),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_input_ends_with_2_and_one_message_and_leaves_nothing(words, said, small, tmp_path):
    answer = sgdlab("study", small, "--runs-dir", tmp_path / "runs", *words)
    assert answer.code == 2 and said in " ".join(answer.err.split())
    assert "Traceback" not in answer.err + answer.out and not (tmp_path / "runs").exists()


def test_into_refuses_what_is_not_the_same_study_and_leaves_it_as_it_was(small, tmp_path):
    path = tmp_path / "runs" / "it"
    assert sgdlab("study", small, *ASKED, "--learning-rates", "0.05", "--stop-at", "val_loss=0.4").code == 0
    kept = {file: file.read_bytes() for file in path.iterdir() if file.is_file() and not file.name.startswith(".")}
    other = write_config(tmp_path / "other.yaml", SMALL | {"loss": "mse"})
    sgdlab("train", small, "--name", "run", "--quiet")
    for words, said in [
        ((other,), "loss half_mse there, mse here"),
        ((small, "--stop-at", "val_loss=0.3"), "--stop-at val_loss=0.4"),
        ((small, "--budget", "9 epochs"), "--budget 30 epochs"),
        ((small, "--learning-rates", "0.7"), "--learning-rates"),
        ((small, "--seeds", "1000"), "tuned on this seed"),
        ((small, "--batch-sizes", "400"), "above the 120"),
    ]:
        answer = sgdlab("study", *words, "--into", path)
        assert answer.code == 2 and said in " ".join(answer.err.split()), (words, answer.err)
    assert {file: file.read_bytes() for file in kept} == kept
    assert "is no study" in sgdlab("study", small, "--into", "runs/run").err
    assert sgdlab("recommend", "runs/run").code == 2
    assert sgdlab("resume", path, "--epochs", "3").code == 2


def test_runs_that_meet_the_target_before_they_train_are_left_out_and_counted(small):
    # the targets are standardised: an untrained model is within 0.6 on some splits and not on others
    words = [
        "--batch-sizes",
        "8,32",
        "--learning-rates",
        "0.05",
        "--seeds",
        "0-9",
        "--stop-at",
        "val_loss=0.4",
        "--name",
        "it",
    ]
    answer = sgdlab("study", small, *words)
    assert answer.code == 0, answer.err
    at_start = [
        folder for folder in Path("runs/it/runs").glob("measure-*") if package.Run(folder).summary["steps"] == 0
    ]
    assert 0 < len(at_start) < 20 and f"left out: {len(at_start)} runs" in answer.out
    assert pd.read_csv("runs/it/results.csv")["runs"].sum() == 20 - len(at_start)


def test_changed_data_are_refused(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "y"])
    frame.to_csv(tmp_path / "mine.csv", index=False)
    data = {"name": "csv", "path": "mine.csv", "target": "y"}
    config = write_config(tmp_path / "mine.yaml", SMALL | {"dataset": data, "epochs": 3})
    words = ("--batch-sizes", "4,8", "--learning-rates", "0.05", "--seeds", "0", "--name", "own")
    assert sgdlab("study", config, *words).code == 0
    (frame + 1).to_csv(tmp_path / "mine.csv", index=False)
    answer = sgdlab("study", config, "--seeds", "1", "--into", "runs/own")
    assert answer.code == 2 and "changed" in answer.err


def test_dry_run_says_how_much_and_writes_nothing(small, tmp_path):
    answer = sgdlab("study", small, "--dry-run", "--runs-dir", tmp_path / "runs")
    assert answer.code == 0 and "nothing was written" in answer.out and "1, 2, 4, 8, 16, 32" in answer.out
    assert not (tmp_path / "runs").exists()


def test_where_every_run_diverges_there_is_no_target_and_the_study_says_so(small):
    answer = sgdlab("study", small, "--batch-sizes", "8,32", "--learning-rates", "1e30", "--seeds", "0", "--name", "it")
    assert answer.code == 1 and "smaller --learning-rates" in answer.err
    assert (pd.read_csv("runs/it/tuning.csv")["status"] == "diverged").all()
    with pytest.raises(RunFailed):
        package.extend_study("runs/it", seeds=[1])
