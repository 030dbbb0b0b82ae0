"""A sweep goes on from its plan: nothing is lost, nothing done twice, and another plan is refused."""

import shutil
from pathlib import Path
from typing import Any

from sgdlab import api
from sgdlab.config import document_of
from sgdlab.results.opened import Sweep
from sgdlab.runs.folder import RunFolder
from sgdlab.sweeps.create import create_sweep, plan_sweep, sweep_into
from sgdlab.sweeps.plan import grid
from tests.support import TINY, sgdlab, write_config
from tests.training.test_resume import results, run_until


def test_two_processes_give_one_history_and_so_do_one_and_two_jobs(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", TINY)
    for jobs in (1, 2):
        answer = sgdlab("sweep", config, "--seeds", "0-3", "--jobs", jobs, "--name", f"jobs-{jobs}", "--quiet")
        assert answer.code == 0
    one, two = (Sweep(Path("runs") / f"jobs-{jobs}") for jobs in (1, 2))
    assert len(one.runs) == len(two.runs) == 4
    assert [results(run.path) for run in one.runs] == [results(run.path) for run in two.runs]
    assert sgdlab("train", config, "--seed", 2, "--name", "single", "--quiet").code == 0
    assert results(Path("runs/single")) == results(one.runs[2].path)


def test_a_sweep_is_completed_from_its_plan_and_completed_runs_are_left_alone(tmp_path: Path) -> None:
    plan = plan_sweep(document_of(TINY), grid((), (), range(5)))
    whole = api.run_planned(create_sweep(plan, tmp_path, "whole"), *_all(create_sweep(plan, tmp_path, "other")))
    manifest = create_sweep(plan, tmp_path, "part")
    api.run_planned(manifest, manifest.entries[:3], 2)
    folders = [manifest.folder(entry).path for entry in manifest.entries]
    kept = {path: path.stat().st_mtime_ns for path in folders[0].iterdir() if path.name != ".lock"}
    run_until(TINY | {"seed": 1}, folders[1], 0)
    RunFolder(folders[1]).note_failure("out of memory")
    shutil.rmtree(folders[2])
    folders[3].mkdir()  # killed before its first file
    answer = sgdlab("resume", tmp_path / "part")
    assert answer.code == 0, answer.err
    assert kept == {path: path.stat().st_mtime_ns for path in folders[0].iterdir() if path.name != ".lock"}
    assert sorted(path.name for path in (tmp_path / "part" / "runs").iterdir()) == [e.name for e in manifest.entries]
    assert [results(run.path) for run in Sweep(tmp_path / "part").runs] == [results(run.path) for run in whole.runs]


def _all(manifest: Any) -> tuple[Any, int]:
    return manifest.entries, 1


def test_into_begins_a_sweep_completes_it_and_refuses_another_plan(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", TINY)
    plan = plan_sweep(document_of(str(config)), grid((), (), range(3)))
    api.run_planned(sweep_into(plan, tmp_path / "night"), [], 1)
    assert [entry.status for entry in Sweep(tmp_path / "night").manifest.entries] == ["planned"] * 3
    options = ("--into", tmp_path / "night", "--quiet")
    assert sgdlab("sweep", config, "--seeds", "0-2", *options).code == 0
    times = [path.stat().st_mtime_ns for path in sorted((tmp_path / "night").rglob("history.csv"))]
    assert sgdlab("sweep", config, "--seeds", "0-2", *options).code == 0
    assert times == [path.stat().st_mtime_ns for path in sorted((tmp_path / "night").rglob("history.csv"))]
    other = sgdlab("sweep", config, "--seeds", "0-3", "--learning-rate", 0.07, *options)
    assert other.code == 2
    assert "004-seed3 is not planned there" in other.err
    assert "001-seed0: learning_rate.initial is 0.05 there and 0.07 now" in other.err
    assert sgdlab("sweep", config, "--seeds", "0-2", *options, "--name", "x").code == 2


def test_a_varied_list_survives_the_manifest(tmp_path: Path) -> None:
    axes = grid((), (), (0, 1), {"model.hidden": [[4], [5, 3]]})
    values = TINY | {"model": "mlp"}
    manifest = create_sweep(plan_sweep(document_of(values), axes), tmp_path, "sweep")
    assert [entry.varied for entry in Sweep(tmp_path / "sweep").manifest.entries] == [
        e.varied for e in manifest.entries
    ]


def test_into_takes_an_empty_folder_and_refuses_one_that_holds_something_else(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", TINY)
    for name in ("empty", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    assert sgdlab("sweep", config, "--seeds", "0-1", "--into", tmp_path / "empty", "--quiet").code == 0
    answer = sgdlab("sweep", config, "--seeds", "0-1", "--into", tmp_path / "other", "--quiet")
    assert answer.code == 2 and "holds something else than a sweep" in answer.err
