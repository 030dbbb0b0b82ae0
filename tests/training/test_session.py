"""One run on disk: a complete folder however it ends, and nothing where it must not begin."""

import json
import os
import signal
import time

import pandas as pd
import pytest
import torch

import sgdlab as package
from sgdlab.config import load_config
from sgdlab.training.losses import evaluate
from tests.support import TINY, sgdlab, sgdlab_process, without_clock, write_config

FILES = {
    "config.yaml",
    "history.csv",
    "summary.json",
    "environment.json",
    "preprocess.json",
    "best.pt",
    "last.pt",
    "loss.png",
}
LONG = TINY | {"budget": "600 seconds", "evaluate_every": "1 second", "checkpoint_every": "600 seconds"}
del LONG["epochs"]


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def train(config, runs, *words):
    answer = sgdlab("train", config, "--runs-dir", runs, "--name", "one", *words)
    return answer, json.loads((runs / "one" / "summary.json").read_text())


def test_completed_run_leaves_a_complete_folder(tiny, runs):
    answer, summary = train(tiny, runs)
    assert answer.code == 0 and answer.err == ""
    assert names(runs / "one") >= FILES and "accuracy.png" not in names(runs / "one")
    history = pd.read_csv(runs / "one" / "history.csv")
    assert list(history["step"]) == [0, 5, 10]  # 48 rows in batches of 10
    assert summary["status"] == "completed" and summary["steps"] == 10 and summary["engine"] == "eager"
    assert summary["final_val_loss"] == pytest.approx(history["val_loss"].iloc[-1], rel=1e-8)
    best = history.iloc[1:].sort_values("val_loss").iloc[0]
    assert (summary["best_epoch"], summary["best_val_loss"]) == (
        best["epoch"],
        pytest.approx(best["val_loss"], rel=1e-8),
    )
    assert {"best_val_rmse", "train_seconds", "device", "threads"} <= summary.keys()
    environment = json.loads((runs / "one" / "environment.json").read_text())
    assert {"packages", "cpu", "cores", "git_commit", "command", "threads", "data", "python"} <= environment.keys()


def test_classification_gets_its_accuracy_and_its_figure(runs, tmp_path):
    config = write_config(
        tmp_path / "a.yaml",
        TINY | {"dataset": {"name": "mnist-10k", "limit": 60}, "model": {"name": "mlp", "hidden": [5]}},
    )
    _, summary = train(config, runs)
    assert 0 <= summary["best_val_accuracy"] <= 1 and {"accuracy.png", "curves.png"} <= names(runs / "one")


def test_resolved_config_loads_back_to_the_same_run(tiny, runs, tmp_path):
    train(tiny, runs)
    resolved = load_config(runs / "one" / "config.yaml")
    assert "auto" not in (resolved.device, resolved.engine, resolved.threads, resolved.loss)
    again = sgdlab("train", runs / "one" / "config.yaml", "--runs-dir", tmp_path / "other", "--name", "one", "-q")
    assert again.code == 0 and load_config(tmp_path / "other" / "one" / "config.yaml") == resolved
    assert without_clock(runs / "one" / "history.csv") == without_clock(tmp_path / "other" / "one" / "history.csv")


def test_two_processes_write_the_same_history(tiny, tmp_path):
    processes = [sgdlab_process("train", tiny, "--runs-dir", tmp_path / name, "--name", "one", "-q") for name in "ab"]
    assert [process.wait() for process in processes] == [0, 0]
    assert without_clock(tmp_path / "a/one/history.csv") == without_clock(tmp_path / "b/one/history.csv")


def test_best_model_is_what_best_pt_holds_and_loads_without_running_code(tiny, runs):
    _, summary = train(tiny, runs)
    state = torch.load(runs / "one" / "best.pt", weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert isinstance(torch.load(runs / "one" / "last.pt", weights_only=True), dict)
    model, config = package.open_run(runs / "one").load_model(), load_config(runs / "one" / "config.yaml")
    from sgdlab.data import load

    validation = load(config.dataset, config.seed).validation
    loss = evaluate(model, config.loss, torch.from_numpy(validation.x), torch.from_numpy(validation.y)).loss
    assert loss == pytest.approx(summary["best_val_loss"], rel=1e-6)


def test_diverged_run_says_so_keeps_its_rows_and_exits_with_1(tiny, runs):
    answer, summary = train(tiny, runs, "--learning-rate", 1e3, "--epochs", 40)
    history = pd.read_csv(runs / "one" / "history.csv")
    assert answer.code == 1 and summary["status"] == "diverged"
    assert (
        summary["reason"] == f"the loss was no longer finite at step {summary['steps']}"
        and summary["reason"] in answer.out
    )
    assert (
        len(history) > 1 and history["train_loss"].notna().all() and history["step"].iloc[-1] < summary["steps"] < 200
    )
    assert "Traceback" not in answer.out + answer.err


def test_run_that_diverges_at_once_has_no_best(tiny, runs):
    answer, summary = train(tiny, runs, "--learning-rate", 1e30)
    assert (
        answer.code == 1 and not any(key.startswith("best") for key in summary) and "best.pt" not in names(runs / "one")
    )


def test_test_rows_are_measured_once_on_the_best_model(tiny, runs):
    _, summary = train(tiny, runs, "--set", "dataset.test=0.2")
    assert {"test_loss", "test_rmse"} <= summary.keys() and summary["test_loss"] > 0


def test_learning_rate_of_zero_is_a_result(tiny, runs):
    answer, _summary = train(tiny, runs, "--learning-rate", 0)
    history = pd.read_csv(runs / "one" / "history.csv")
    assert answer.code == 0 and history["train_loss"].nunique() == 1


def test_quiet_prints_the_path_and_nothing_else(tiny, tmp_path):
    """Whatever the path: nothing is folded at some width, read as markup or made an emoji."""
    runs = tmp_path / "[bold] a:100:b" / ("long " + "x" * 120) / ("y" * 120)
    answer = sgdlab("train", tiny, "--runs-dir", runs, "--quiet")
    assert answer.out == f"{next(runs.iterdir())}\n" and answer.err == ""


def test_dry_run_says_what_would_be_done_and_writes_nothing(tiny, runs):
    answer = sgdlab("train", tiny, "--runs-dir", runs, "--dry-run")
    assert answer.code == 0 and "1 run, 10 updates" in answer.out and "nothing was written" in answer.out
    assert not runs.exists()


def test_output_in_a_pipe_holds_no_control_codes(tiny, runs):
    answer, _ = train(tiny, runs)
    assert all(line.isprintable() for line in answer.out.splitlines()) and "completed" in answer.out


def test_failure_inside_users_model_leaves_status_failed_with_the_reason(tmp_path, runs):
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__(); self.layer = nn.Linear(5, 1); self.calls = 0\n"
        "    def forward(self, x):\n"
        "        self.calls += 1\n        assert self.calls < 9, 'tired'\n        return self.layer(x)\n"
    )
    config = write_config(tmp_path / "a.yaml", TINY | {"model": "own:Net"})
    with pytest.raises(AssertionError, match="tired"):  # a bug in code keeps its traceback
        sgdlab("train", config, "--runs-dir", runs, "--name", "one")
    summary = json.loads((runs / "one" / "summary.json").read_text())
    assert summary["status"] == "failed" and "tired" in summary["reason"]


# --- signals: in processes of their own ---------------------------------------------------------


def begun(process, folder, rows: int = 2) -> None:
    """Wait until a run has written rows."""
    for _ in range(1200):
        if (folder / "history.csv").exists() and (folder / "history.csv").read_bytes().count(b"\n") > rows:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("the run never began")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_a_run_and_leaves_it_complete(number, tmp_path, runs):
    config = write_config(tmp_path / "long.yaml", LONG)
    process = sgdlab_process("train", config, "--runs-dir", runs, "--name", "one")
    begun(process, runs / "one")
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert f"continue with: sgdlab resume {runs / 'one'}" in out and "Traceback" not in err
    summary = json.loads((runs / "one" / "summary.json").read_text())
    assert summary["status"] == "interrupted" and summary["steps"] > 0 and names(runs / "one") >= FILES
    assert torch.load(runs / "one" / "last.pt", weights_only=True)


def test_second_signal_ends_at_once_and_leaves_whole_files(tmp_path, runs):
    """The model sleeps through the first signal: only the second ends it before its step is done."""
    (tmp_path / "slow.py").write_text(
        "import time\nfrom torch import nn\n"
        "class Net(nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(5, 1); self.calls = 0\n"
        "    def forward(self, x):\n"
        "        self.calls += 1\n"
        "        time.sleep(600 if self.calls > 40 else 0)\n"
        "        return super().forward(x)\n"
    )
    config = write_config(
        tmp_path / "long.yaml", TINY | {"model": "slow:Net", "epochs": 1000, "evaluate_every": "1 step"}
    )
    process = sgdlab_process("train", config, "--runs-dir", runs, "--name", "one")
    begun(process, runs / "one", rows=12)
    time.sleep(0.5)
    for _ in range(2):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.2)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err
    summary = json.loads((runs / "one" / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    assert not list((runs / "one").glob(".*.part"))


# --- what must not begin ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--batch-size", 49],
            "--batch-size 49 batch_size.initial: 49 is above the 48 training rows; use at most 48, or full",
        ),
        (["--set", "model.output=softmax"], "model.output: softmax does not go with a regression; use output: logits"),
        (["--set", "loss=cross_entropy"], "loss: cross_entropy does not go with this regression; use mse or half_mse"),
        (
            ["--set", "stop_at=val_accuracy=0.9"],
            "stop_at: val_accuracy is never measured in a regression; use val_loss",
        ),
        (
            ["--set", "stop_at=val_loss=0.9", "--set", "dataset.validation=0"],
            "stop_at: val_loss is never measured without",
        ),
        (["--set", "optimizer=Nope"], "optimizer.name: torch.optim has no class 'Nope'"),
        (["--set", "model=cnn"], "model.name: cnn needs images"),
        (["--set", "model=nowhere:Net"], 'no module "nowhere"'),
        (["--set", "dataset={name: csv, path: none.csv, target: y}"], "none.csv"),
        (["--engine", "natve"], "engine: 'natve' is not known; did you mean \"native\"?"),
        (["--engine", "native", "--set", "optimizer=rmsprop"], "engine: native cannot run this config"),
        (["--epochs", 0], "epochs: 0.0: input should be greater than 0"),
        (["--learning-rate", "nan"], "learning_rate.initial: nan must be a finite number"),
        (["--threads", "0"], "threads: 0: must be a whole number from 1 to 1,024, or auto"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_user_error_gives_one_message_exit_2_and_no_folder(words, message, tiny, runs):
    answer = sgdlab("train", tiny, "--runs-dir", runs, *words)
    assert answer.code == 2 and message in answer.err
    assert answer.err.count("error: ") == 1 and answer.err.startswith("error: ") and answer.err.count("\n") == 1
    assert answer.out == "" and not runs.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_asked_for_and_absent_is_told(tiny, runs):
    answer = sgdlab("train", tiny, "--runs-dir", runs, "--device", "cuda")
    assert answer.code == 2 and not runs.exists()
    assert answer.err == (
        "error: --device cuda device: cuda was asked for, but no CUDA device is here; use device: auto or cpu\n"
    )
