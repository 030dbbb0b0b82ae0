"""Sweeps: the grid, the runs in parallel, what becomes of those that fail, and the tables."""

import json
import math
import os
import signal
import time

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import sgdlab as package
from sgdlab.config import Document, build_config
from sgdlab.errors import ConfigError
from sgdlab.runs.folder import RunFolder
from sgdlab.sweeps.execute import _fits, _Worker
from sgdlab.sweeps.manifest import Entry, Manifest
from sgdlab.sweeps.plan import Axis, own_axes, parse_axis, parse_list, parse_seeds, plan_runs
from sgdlab.sweeps.summary import summarize
from tests.support import TINY, sgdlab, sgdlab_process, without_clock, write_config

# --- the plan, pure -----------------------------------------------------------------------------

AXES = {
    "batch_size": st.lists(st.integers(1, 99) | st.just("full"), min_size=1, max_size=4, unique=True),
    "learning_rate": st.lists(st.floats(0, 9), min_size=1, max_size=4, unique=True),
    "seed": st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True),
    "model.hidden": st.lists(st.lists(st.integers(1, 9), max_size=2), min_size=1, max_size=3, unique_by=str),
    "optimizer": st.lists(st.sampled_from(["sgd", "adam", "NAdam"]), min_size=1, max_size=3, unique=True),
}


def document(**values) -> Document:
    return Document({"epochs": 1, "learning_rate": {"initial": 1.0, "schedule": "step"}} | values)


@given(st.fixed_dictionaries({}, optional=AXES))
def test_grid_is_the_product_with_the_last_key_fastest(grid):
    runs = plan_runs(document(), [Axis(key, tuple(values), f"--{key}") for key, values in grid.items()])
    assert len(runs) == math.prod(map(len, grid.values()))
    assert len({run.name for run in runs}) == len(runs) and [run.name for run in runs] == sorted(
        run.name for run in runs
    )
    assert len({json.dumps(run.varied) for run in runs}) == len(runs)
    for run in runs:
        expected = build_config(document())
        assert run.config.batch_size.initial == run.varied.get("batch_size", expected.batch_size.initial)
        assert run.config.learning_rate.initial == run.varied.get("learning_rate", 1.0)
        assert run.config.learning_rate.schedule == "step"
        assert run.config.seed == run.varied.get("seed", 0)
        assert run.config.optimizer.name == run.varied.get("optimizer", "adam")
    if len(grid) > 1 and runs:
        last = list(grid)[-1]
        assert [run.varied[last] for run in runs[: len(grid[last])]] == list(grid[last])


@pytest.mark.parametrize(
    ("text", "seeds"), [("0-4", [0, 1, 2, 3, 4]), ("7", [7]), ("0,3,5-6", [0, 3, 5, 6]), (" 1 , 2", [1, 2])]
)
def test_seeds_are_read(text, seeds):
    assert list(parse_seeds(text)) == seeds


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-", "-1", "1,1", "0-4,2", "1.5", "²", "9" * 5000, "0-99999999"])
def test_seeds_that_are_none_are_refused(text):
    with pytest.raises(ConfigError, match="--seeds"):
        parse_seeds(text)


def test_a_hundred_thousand_seeds_are_read_at_once():
    assert len(parse_seeds("0-99999")) == 100_000


@pytest.mark.parametrize(
    ("assignment", "key", "values"),
    [
        ("optimizer=sgd,adam", "optimizer", ("sgd", "adam")),
        ("model.hidden=[[50], [100, 50]]", "model.hidden", ([50], [100, 50])),
        ("dataset.limit=[10]", "dataset.limit", (10,)),
        ("learning_rate=1e-3,0.1", "learning_rate", (0.001, 0.1)),
        ("budget=10 steps,20 steps", "budget", ("10 steps", "20 steps")),
        ("optimizer=[{name: sgd, momentum: 0.9}, adam]", "optimizer", ({"name": "sgd", "momentum": 0.9}, "adam")),
    ],
)
def test_axis_is_read(assignment, key, values):
    axis = parse_axis(assignment)
    assert (axis.key, axis.values) == (key, values)


@pytest.mark.parametrize("text", ["8,8", "8,8.0", "[[50], [50]]", "", "8,,16", "[]"])
def test_values_that_stand_twice_or_are_missing_are_refused(text):
    with pytest.raises(ConfigError, match="--batch-sizes"):
        parse_list(text, "--batch-sizes")


def test_faults_of_all_runs_are_told_once_each():
    with pytest.raises(ConfigError) as caught:
        plan_runs(document(), [parse_axis("batch_size=0,8,-3"), Axis("seed", (0, 1, 2), "--seeds")])
    assert [data.split(" ")[2] for data in caught.value.problems] == ["batch_size.initial:"] * 2


def test_a_key_varied_twice_is_refused():
    with pytest.raises(ConfigError, match="seed: is varied twice"):
        plan_runs(document(), [Axis("seed", (0,), "--seeds"), Axis("seed", (1,), "--vary seed")])


def test_a_grid_too_large_is_refused_before_it_is_built():
    with pytest.raises(ConfigError, match="the grid has 10,000,000,000 runs"):
        plan_runs(
            document(), [Axis("seed", tuple(range(10**5)), "--seeds"), Axis("epochs", tuple(range(1, 10**5 + 1)), "e")]
        )


def test_configs_own_grid_yields_to_what_the_command_names():
    mine = document(sweep={"batch_size": [1, 2], "seed": [0, 1]})
    assert [axis.key for axis in own_axes(mine, set())] == ["batch_size", "seed"]
    assert [axis.key for axis in own_axes(mine, {"seed"})] == ["batch_size"]


# --- carried out --------------------------------------------------------------------------------


def sweep(config, runs, *words, name="grid"):
    return sgdlab("sweep", config, "--runs-dir", runs, "--name", name, *words)


def histories(folder) -> dict[str, list]:
    return {path.parent.name: without_clock(path) for path in sorted(folder.glob("runs/*/history.csv"))}


def statuses(folder) -> list[str]:
    return [run["status"] for run in yaml.safe_load((folder / "sweep.yaml").read_text())["runs"]]


@pytest.mark.parametrize("engine", ["eager", "native"])
def test_two_jobs_give_what_one_gives(engine, tmp_path, runs):
    config = write_config(tmp_path / "a.yaml", TINY | {"engine": engine, "model": {"name": "mlp", "hidden": [6]}})
    grid = ["--batch-sizes", "3,10,full", "--seeds", "0-1", "-q"]
    answers = [sweep(config, runs, *grid, "--jobs", jobs, name=f"jobs{jobs}") for jobs in (1, 2)]
    assert [answer.code for answer in answers] == [0, 0]
    one, two = histories(runs / "jobs1"), histories(runs / "jobs2")
    assert len(one) == 6 and one == two
    left, right = (
        pd.read_csv(runs / name / "results.csv").drop(columns=["train_seconds", "wall_seconds"])
        for name in ("jobs1", "jobs2")
    )
    pd.testing.assert_frame_equal(left, right)


def test_a_run_of_a_sweep_is_the_run_that_train_makes(tiny, runs):
    assert sweep(tiny, runs, "--seeds", "0,3", "-q").code == 0
    assert sgdlab("train", tiny, "--seed", 3, "--runs-dir", runs, "--name", "one", "-q").code == 0
    assert histories(runs / "grid")["002-seed3"] == without_clock(runs / "one" / "history.csv")


def test_results_and_summary_say_what_the_runs_say(tiny, runs):
    assert sweep(tiny, runs, "--batch-sizes", "8,16", "--seeds", "0-2", "-q").code == 0
    results, summary = (pd.read_csv(runs / "grid" / name) for name in ("results.csv", "summary.csv"))
    assert len(results) == 6 and len(summary) == 2
    for _, row in results.iterrows():
        of_run = json.loads((runs / "grid" / "runs" / row["run"] / "summary.json").read_text())
        for key in ("best_val_loss", "best_epoch", "steps", "status", "seed", "engine", "final_train_loss"):
            assert row[key] == (pytest.approx(of_run[key]) if isinstance(of_run[key], float) else of_run[key])
    for _, row in summary.iterrows():
        losses = results[results["batch_size"] == row["batch_size"]]["best_val_loss"]
        assert (row["n"], row["runs"]) == (3, 3)
        assert row["best_val_loss_mean"] == pytest.approx(np.mean(losses))
        assert row["best_val_loss_std"] == pytest.approx(np.std(losses, ddof=1))
    assert {"panels.png", "overlay.png", "sweep.yaml", "results.csv", "summary.csv", "runs"} <= {
        p.name for p in (runs / "grid").iterdir()
    }


def test_summary_groups_over_everything_but_the_seed_and_counts_completed_runs_only():
    table = pd.DataFrame(
        {
            "batch_size": [8, 8, "full", "full"],
            "model.hidden": [[5], [5], [5, 5], [5, 5]],
            "optimizer": [{"name": "sgd"}] * 4,
            "seed": [0, 1, 0, 1],
            "status": ["completed", "completed", "diverged", "completed"],
            "best_val_loss": [1.0, 3.0, 99.0, 5.0],
        }
    )
    grouped = summarize(table, ["batch_size", "model.hidden", "optimizer", "seed"])
    assert list(grouped["n"]) == [2, 1] and list(grouped["runs"]) == [2, 2]
    assert list(grouped["best_val_loss_mean"]) == [2.0, 5.0]
    assert grouped["best_val_loss_std"].iloc[0] == pytest.approx(math.sqrt(2)) and math.isnan(
        grouped["best_val_loss_std"].iloc[1]
    )


def test_diverged_run_is_a_result_and_the_exit_code_0(tiny, runs):
    answer = sweep(tiny, runs, "--learning-rates", "0.05,1e30")
    assert answer.code == 0 and statuses(runs / "grid") == ["completed", "diverged"]
    assert "the loss was no longer finite at step" in answer.out
    assert list(pd.read_csv(runs / "grid" / "summary.csv")["n"]) == [1, 0]


MOODY = """
import os, signal
from torch import nn
class Net(nn.Linear):
    def __init__(self, mood="good"):
        super().__init__(5, 1)
        self.mood = mood
    def forward(self, x):
        if self.training and len(x) == 10 and self.mood == "angry":
            raise RuntimeError("no more")
        if self.training and len(x) == 10 and self.mood == "dead":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)
"""


def test_failed_and_killed_runs_are_shown_and_the_rest_go_on(tmp_path, runs):
    (tmp_path / "moody.py").write_text(MOODY)
    config = write_config(tmp_path / "a.yaml", TINY | {"model": {"name": "moody:Net"}})
    answer = sweep(config, runs, "--vary", "model.options.mood=angry,dead,good,fine", "--jobs", "2")
    assert answer.code == 1 and statuses(runs / "grid") == ["failed", "failed", "completed", "completed"]
    results = pd.read_csv(runs / "grid" / "results.csv").set_index("model.options.mood")
    assert "no more" in results["reason"]["angry"]
    assert "killed by signal 9 (out of memory?)" in results["reason"]["dead"]
    logs = {path.parent.name: path.read_text() for path in runs.glob("grid/runs/*/log.txt")}
    assert len(logs) == 2 and "Traceback" in logs["001-moodangry"]
    assert "no more" in answer.out and "signal 9" in answer.out and "Traceback" not in answer.out + answer.err


def test_dry_run_counts_runs_and_updates_and_writes_nothing(tiny, runs):
    answer = sweep(tiny, runs, "--batch-sizes", "8,16", "--seeds", "0-4", "--dry-run")
    assert answer.code == 0 and not runs.exists()
    assert "10 runs, 90 updates" in answer.out  # 5 seeds of 2 epochs of 48 rows: 6 and 3 steps


def test_sweep_refuses_before_a_folder_exists(tiny, runs):
    answer = sweep(tiny, runs, "--batch-sizes", "8,64")
    assert answer.code == 2 and "64 is above the 48 training rows" in answer.err and not runs.exists()


def test_option_and_grid_for_one_key_are_no_riddle(tmp_path, runs):
    config = write_config(tmp_path / "a.yaml", TINY | {"sweep": {"batch_size": [8, 16]}})
    assert sweep(config, runs, "--batch-size", "12", "-q").code == 0
    assert list(pd.read_csv(runs / "grid" / "results.csv", dtype=str)["run"]) == ["001"]
    answer = sweep(config, runs, "--batch-size", "12", "--batch-sizes", "3,4")
    assert answer.code == 2 and answer.err.startswith("error: --batch-sizes: --batch-size 12 sets what is to be varied")


def test_own_grid_of_a_config_is_swept(tmp_path, runs):
    config = write_config(tmp_path / "a.yaml", TINY | {"sweep": {"batch_size": [8, 16], "seed": [0, 1]}})
    assert sweep(config, runs, "-q").code == 0
    assert len(pd.read_csv(runs / "grid" / "results.csv")) == 4
    assert sgdlab("train", config, "--runs-dir", runs, "-q").code == 0


def test_users_function_with_options_can_be_swept(tmp_path, runs):
    (tmp_path / "own.py").write_text("def rows(n):\n    import numpy as np\n    return np.eye(n), np.arange(n) / n\n")
    config = write_config(tmp_path / "a.yaml", TINY | {"dataset": {"name": "own:rows", "options": {"n": 40}}})
    assert sweep(config, runs, "--seeds", "0-1", "-q").code == 0


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 4))
def test_threads_of_runs_at_once_never_exceed_the_cores(threads, cores, jobs):
    """Hand out runs as `execute` does; the oldest ends whenever the next does not fit."""
    entries = [Entry(str(i), {}, {"threads": count}) for i, count in enumerate(threads)]
    workers = [_Worker(None, None) for _ in range(jobs)]
    waiting, at_work = list(entries), []
    while waiting:
        free = next((worker for worker in workers if worker.entry is None), None)
        if free is not None and _fits(waiting[0], workers, cores):
            free.entry = waiting.pop(0)
            at_work.append(free)
        else:
            at_work.pop(0).entry = None
        used = [worker.threads() for worker in at_work]
        assert sum(used) <= cores or len(used) == 1


def test_threads_are_planned_before_any_run_and_obeyed(tmp_path, runs):
    (tmp_path / "own.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Net(nn.Linear):\n    def __init__(self): super().__init__(5, 1)\n"
        "    def forward(self, x):\n"
        "        assert not self.training or torch.get_num_threads() == 1, torch.get_num_threads()\n"
        "        return super().forward(x)\n"
    )
    config = write_config(tmp_path / "a.yaml", TINY | {"model": "own:Net"})
    assert sweep(config, runs, "--seeds", "0-3", "--jobs", "2", "-q").code == 0
    plan = yaml.safe_load((runs / "grid" / "sweep.yaml").read_text())
    assert [run["resolved"]["threads"] for run in plan["runs"]] == [1] * 4


def test_manifest_reads_back_what_it_wrote(tmp_path):
    entries = [
        Entry(
            "001-a",
            {"model.hidden": [3], "batch_size": 8},
            {"loss": "mse", "device": "cpu", "engine": "eager", "threads": 1},
        )
    ]
    (tmp_path / "sweep").mkdir()
    shared = [3]
    manifest = Manifest(
        tmp_path / "sweep", {"epochs": 1, "model": {"name": "mlp", "hidden": shared}, "stop_at": "1e5"}, entries
    )
    entries[0].varied["model.hidden"] = shared
    manifest.write()
    from sgdlab.sweeps.manifest import read_manifest

    again = read_manifest(tmp_path / "sweep")
    assert again.base == manifest.base and again.entries == entries


def test_signal_stops_a_sweep_and_leaves_every_run_whole(tmp_path, runs):
    values = TINY | {"budget": "600 seconds", "evaluate_every": "1 second"}
    del values["epochs"]
    config = write_config(tmp_path / "long.yaml", values)
    process = sgdlab_process("sweep", config, "--seeds", "0-3", "--jobs", "2", "--runs-dir", runs, "--name", "grid")
    for _ in range(1200):
        if len([p for p in runs.glob("grid/runs/*/history.csv") if p.read_bytes().count(b"\n") > 2]) == 2:
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and f"continue with: sgdlab resume {runs / 'grid'}" in out, (out, err)
    assert sorted(statuses(runs / "grid")) == ["interrupted", "interrupted", "planned", "planned"]
    assert all(RunFolder(path).summary()["steps"] > 0 for path in (runs / "grid" / "runs").iterdir())
    assert "Traceback" not in err


def test_no_process_lives_on_when_the_parent_is_killed(tmp_path, runs):
    values = TINY | {"budget": "600 seconds"}
    del values["epochs"]
    config = write_config(tmp_path / "long.yaml", values)
    process = sgdlab_process("sweep", config, "--seeds", "0-1", "--jobs", "2", "--runs-dir", runs, "--name", "grid")
    for _ in range(1200):
        if len(list(runs.glob("grid/runs/*/history.csv"))) == 2:
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    group = process.pid
    process.kill()
    process.wait()
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        os.killpg(group, signal.SIGKILL)
        raise AssertionError("processes were still there 20 seconds after their parent was killed")


def test_sweep_of_the_notebook_api_is_that_of_the_command(tiny, runs):
    done = package.sweep(
        tiny, batch_sizes=np.array([8, 16]), learning_rates=np.logspace(-2, -1, 2), runs_dir=runs, name="mine"
    )
    assert len(done.results) == 4 and set(done.results["status"]) == {"completed"}
    assert sweep(tiny, runs, "--batch-sizes", "8,16", "--learning-rates", "0.01,0.1", "-q").code == 0
    assert list(histories(runs / "mine").values()) == list(histories(runs / "grid").values())
