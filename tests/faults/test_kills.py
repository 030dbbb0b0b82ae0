"""kill -9 at random moments, then resume: the result is that of an undisturbed run."""

import random
from pathlib import Path

import pytest

from sgdlab.results.opened import Sweep
from tests.faults.faulty import carry, carry_sweep, cases, config_for, essence, killed_at, leftovers

ENGINES = ("eager", "native")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_killed_at_random_moments_ends_like_an_undisturbed_one(engine: str, tmp_path: Path) -> None:
    values = config_for(engine, tmp_path)
    whole = tmp_path / "whole"
    assert not killed_at(0.0, finish, values, whole)
    wanted, moment = essence(whole), random.Random(engine)
    kills, number = 0, 0
    while kills < cases(3, 100):
        folder, number = tmp_path / f"run-{number}", number + 1
        for _ in range(4):
            kills += killed_at(moment.uniform(0.0, 0.35), carry, values, folder)
        assert not killed_at(0.0, finish, values, folder)
        assert essence(folder) == wanted
        assert leftovers(folder) == []


def finish(values: dict[str, object], folder: Path, say: object) -> None:
    """Not to be killed: it never says that it got going."""
    carry(values, folder)


def finish_sweep(values: dict[str, object], folder: Path, jobs: int, say: object) -> None:
    carry_sweep(values, folder, jobs)


@pytest.mark.parametrize("victim", ["self", "child"])
def test_a_sweep_whose_parent_or_worker_is_killed_loses_and_doubles_no_run(victim: str, tmp_path: Path) -> None:
    values = config_for("native", tmp_path) | {"epochs": 200}
    assert not killed_at(0.0, finish_sweep, values, tmp_path / "whole", 2)
    wanted = {run.path.name: essence(run.path) for run in Sweep(tmp_path / "whole").runs}
    assert len(wanted) == 8
    kills, number, moment = 0, 0, random.Random(victim)
    while kills < cases(1, 15):
        folder, number = tmp_path / f"sweep-{number}", number + 1
        for _ in range(4):
            kills += killed_at(moment.uniform(0.0, 0.8), carry_sweep, values, folder, 2, victim=victim)
        assert not killed_at(0.0, finish_sweep, values, folder, 2)
        assert {path.name: essence(path) for path in (folder / "runs").iterdir()} == wanted
        assert leftovers(folder) == []
