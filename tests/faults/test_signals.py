"""Signals, killed workers, a reader that goes away: what the command line leaves and says."""

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sgdlab import api
from sgdlab.config import document_of
from sgdlab.results.opened import Sweep
from sgdlab.runs.folder import RunFolder
from sgdlab.sweeps.create import create_sweep, plan_sweep
from sgdlab.sweeps.plan import grid
from sgdlab.training.start import new_session
from tests.faults.faulty import cases, leftovers
from tests.support import Watching, sgdlab, sgdlab_process, without_clock, write_config

LONG = {
    "dataset": {"name": "airfoil-twin", "limit": 200},
    "model": "linear",
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "learning_rate": 0.001,
    "batch_size": 4,
    "epochs": 1000000,
    "evaluate_every": "1000 epochs",
    "engine": "native",
}


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def begun(folder: Path) -> bool:
    return (folder / "history.csv").exists() and len((folder / "history.csv").read_bytes().splitlines()) > 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP][: cases(1, 3)])
def test_a_signal_leaves_a_checkpoint_and_the_command_that_goes_on(number: int, tmp_path: Path) -> None:
    config = write_config(tmp_path / "long.yaml", LONG)
    process = sgdlab_process("train", config, "--name", "a run")
    folder = Path("runs/a run")
    wait_for(lambda: begun(folder))
    os.killpg(process.pid, number)
    wait_for(lambda: RunFolder(folder).summary()["status"] == "interrupted", 20)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "continue with: sgdlab resume 'runs/a run'" in out
    assert "Traceback" not in err
    assert (folder / "last.pt").exists() and leftovers(folder) == []


def test_a_second_signal_stops_at_once_and_leaves_whole_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session = new_session(document_of(LONG))
    (tmp_path / "run").mkdir()
    signals = iter([signal.SIGINT, signal.SIGINT])

    def twice(training: Any, record: Any) -> None:
        for number in signals:
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        session.run(RunFolder(tmp_path / "run"), twice)
    assert RunFolder(tmp_path / "run").summary()["status"] == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert leftovers(tmp_path) == []


def test_ctrl_c_reaches_a_sweep_and_its_workers_and_all_runs_go_on_later(tmp_path: Path) -> None:
    config = write_config(tmp_path / "long.yaml", LONG)
    process = sgdlab_process("sweep", config, "--seeds", "0-3", "--jobs", 2, "--into", "night")
    folders = [Path("night/runs") / f"{i + 1:03d}-seed{i}" for i in range(2)]
    wait_for(lambda: all(map(begun, folders)))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: parent and workers alike
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "continue with: sgdlab resume night" in out
    assert "Traceback" not in err
    statuses = [entry.status for entry in Sweep(Path("night")).manifest.entries]
    assert statuses == ["interrupted", "interrupted", "planned", "planned"]


def test_a_killed_worker_fails_its_run_with_reason_and_log_and_the_others_go_on(tmp_path: Path) -> None:
    plan = plan_sweep(document_of(LONG | {"epochs": 20000}), grid((), (), range(3)))
    manifest = create_sweep(plan, tmp_path, "sweep")
    killed: list[int] = []

    def kill_first(entry: Any, report: Any) -> None:
        if report is not None and not killed and begun(manifest.folder(manifest.entries[0]).path):
            killed.extend(child.pid for child in multiprocessing.active_children() if child.pid)
            os.kill(killed[0], signal.SIGKILL)

    done = api.run_planned(manifest, list(manifest.entries), 1, Watching(kill_first))
    assert killed
    assert list(done.results["status"]) == ["failed", "completed", "completed"]
    assert "killed by signal 9 (out of memory?)" in done.results["reason"][0]
    assert "signal 9" in (manifest.folder(manifest.entries[0]).path / "log.txt").read_text()
    rows = without_clock(manifest.folder(manifest.entries[0]).path / "history.csv")
    assert len(rows) > 2
    answer = sgdlab("resume", tmp_path / "sweep")
    assert answer.code == 0
    assert set(Sweep(tmp_path / "sweep").results["status"]) == {"completed"}


def test_a_reader_that_goes_away_leaves_an_interrupted_run(tmp_path: Path) -> None:
    session = new_session(document_of(LONG))
    (tmp_path / "run").mkdir()

    def gone(training: Any, record: Any) -> None:
        if training.position.step > 10:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        session.run(RunFolder(tmp_path / "run"), gone)
    assert RunFolder(tmp_path / "run").summary()["status"] == "interrupted"


def test_of_two_resumes_at_once_one_works_and_one_says_who_has_it(tmp_path: Path) -> None:
    config = write_config(tmp_path / "long.yaml", LONG)
    first = sgdlab_process("train", config, "--name", "run", "--quiet")
    wait_for(lambda: begun(Path("runs/run")))
    answer = sgdlab("resume", "runs/run")
    assert answer.code == 2 and f"process {first.pid} on" in answer.err
    assert "running" in sgdlab("ls", "runs").out
    first.kill()
    first.communicate()
    assert "interrupted" in sgdlab("ls", "runs").out


def test_twenty_trains_at_once_get_twenty_folders(tmp_path: Path) -> None:
    config = write_config(tmp_path / "short.yaml", LONG | {"epochs": 1, "evaluate_every": "1 epoch"})
    count = cases(2, 20)
    processes = [sgdlab_process("train", config, "--quiet", stdout=subprocess.DEVNULL) for _ in range(count)]
    for process in processes:
        assert process.wait(timeout=300) == 0
        process.communicate()
    assert len(list(Path("runs").iterdir())) == count


def test_what_is_read_while_it_is_written_is_always_whole(tmp_path: Path) -> None:
    values = LONG | {"epochs": 10_000, "evaluate_every": "1 epoch", "checkpoint_every": "30000 steps"}
    plan = plan_sweep(document_of(values), grid((), (), range(2)))
    manifest = create_sweep(plan, tmp_path, "sweep")
    seen: list[int] = []

    def look() -> None:
        assert "damaged" not in sgdlab("ls", tmp_path).out
        seen.extend(len(run.history) for run in Sweep(tmp_path / "sweep").runs if (run.path / "history.csv").exists())

    api.run_planned(manifest, list(manifest.entries), 2, Watching(tick=look))
    assert len(set(seen)) > 3 and max(seen) <= 10_001
