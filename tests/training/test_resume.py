"""Resume: an interrupted run, continued, is the run that was never interrupted; and what resume refuses."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sgdlab import api
from sgdlab.config import document_of
from sgdlab.errors import DataError, RunFailed, RunFolderError
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import Record
from sgdlab.runs.locks import held
from sgdlab.runs.names import BEST, HISTORY, LAST
from sgdlab.runs.new_folder import create_folder, run_name
from sgdlab.sweeps.create import create_sweep, plan_sweep
from sgdlab.sweeps.plan import grid
from sgdlab.training import checkpoint
from sgdlab.training.loop import Training
from sgdlab.training.session import RunObserver
from sgdlab.training.signals import StopRequest
from sgdlab.training.start import new_session, reopen_session
from tests.support import TINY, sgdlab, without_clock, write_config

DROPOUT = """
import torch

def net(width=6):
    return torch.nn.Sequential(
        torch.nn.Linear(5, width), torch.nn.BatchNorm1d(width), torch.nn.Dropout(0.5), torch.nn.Linear(width, 1)
    )
"""
RICH: dict[str, dict[str, Any]] = {
    "native": {"model": {"name": "mlp", "hidden": [6]}, "optimizer": {"name": "adamw", "weight_decay": 0.01}},
    "eager": {"model": "net.py:net", "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True}},
}


def values_of(engine: str, **changed: Any) -> dict[str, Any]:
    """A run with memory in every part: optimiser, schedule, growing batches, dropout, partial means."""
    Path("net.py").write_text(DROPOUT)
    base = {"dataset": {"name": "airfoil-twin", "limit": 80}, "epochs": 6, "engine": engine, "device": "cpu", "seed": 2}
    base |= {"learning_rate": {"initial": 0.02, "schedule": "inverse-sqrt", "warmup": 1.0}}
    base |= {"batch_size": {"initial": 8, "every": 2}, "evaluate_every": "5 steps"}
    return base | RICH[engine] | changed


def segments_of_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgdlab.training.loop.SEGMENT_SECONDS", 0.0)


def stop_at(step: int, stop: StopRequest) -> RunObserver:
    def observe(training: Training, record: Record | None) -> None:
        stop.requested = stop.requested or training.position.step >= step

    return observe


def run_until(values: dict[str, Any], folder: Path, step: int) -> dict[str, Any]:
    """Run until so many updates are done, then stop on request; the summary."""
    folder.mkdir(exist_ok=True)
    stop = StopRequest()
    begun = (folder / "config.yaml").exists()
    session = reopen_session(RunFolder(folder)) if begun else new_session(document_of(values))
    return session.run(RunFolder(folder), stop_at(step, stop), stop)


def results(folder: Path) -> tuple[Any, ...]:
    best, last = checkpoint.load(folder / BEST), checkpoint.load(folder / LAST)["model"]
    states = {f"{i}.{k}": v.tolist() for i, state in enumerate((best, last)) for k, v in state.items()}
    summary = {k: v for k, v in RunFolder(folder).summary().items() if "seconds" not in k and k != "engine_reason"}
    return without_clock(folder / HISTORY), states, summary


@pytest.mark.parametrize("engine", RICH)
def test_a_run_stopped_at_any_step_and_resumed_equals_the_uninterrupted_one(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments_of_one_step(monkeypatch)
    values = values_of(engine)
    steps = run_until(values, Path("whole"), 10**9)["steps"]
    assert steps > 20
    for step in range(0, steps, 3):
        folder = Path(f"stopped-{step}")
        assert run_until(values, folder, step)["status"] == "interrupted"
        assert RunFolder(folder).summary()["steps"] == step
        run_until(values, folder, step + 2)
        run_until(values, folder, 10**9)
        assert results(folder) == results(Path("whole"))


@pytest.mark.parametrize("engine", RICH)
def test_rows_written_after_the_checkpoint_are_cut_back_and_stand_once(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments_of_one_step(monkeypatch)
    values = values_of(engine)
    run_until(values, Path("whole"), 10**9)
    run_until(values, Path("run"), 7)
    before = (Path("run") / LAST).read_bytes()
    run_until(values, Path("run"), 18)
    assert len(without_clock(Path("run") / HISTORY)) == 1 + 1 + 3
    (Path("run") / LAST).write_bytes(before)  # as after kill -9: newer rows than checkpoint
    run_until(values, Path("run"), 8)
    assert len(without_clock(Path("run") / HISTORY)) == 1 + 1 + 1
    run_until(values, Path("run"), 10**9)
    assert results(Path("run")) == results(Path("whole"))


@pytest.mark.parametrize("engine", RICH)
def test_an_extended_run_equals_one_planned_so_from_the_start(engine: str) -> None:
    values = values_of(engine, evaluate_every="1 epoch")
    run_until(values | {"epochs": 9}, Path("long"), 10**9)
    run_until(values, Path("short"), 10**9)
    extended = api.resume_run(RunFolder(Path("short")), epochs=9)
    assert extended.config.epochs == 9
    assert results(Path("short")) == results(Path("long"))


@pytest.mark.parametrize(
    ("changed", "epochs", "message"),
    [
        ({}, 5, "at least the 6 epochs"),
        ({}, float("nan"), "at least the 6 epochs"),
        ({}, float("inf"), "at least the 6 epochs"),
        ({"learning_rate": {"initial": 0.1, "schedule": "cosine"}}, 8, "cosine schedule depends on"),
        ({"epochs": None, "budget": "12 steps"}, 8, "budget is 12 steps"),
    ],
)
def test_an_extension_that_would_change_the_past_is_refused(
    changed: dict[str, Any], epochs: float, message: str
) -> None:
    values = {key: value for key, value in (values_of("native") | changed).items() if value is not None}
    run_until(values, Path("run"), 10**9)
    history = (Path("run") / HISTORY).read_bytes()
    answer = sgdlab("resume", "run", "--epochs", epochs)
    assert answer.code == 2
    assert message in answer.err
    assert (Path("run") / HISTORY).read_bytes() == history


@pytest.mark.parametrize("every", ["3 steps", "20 examples", "0.3 epochs", "0.000001 seconds"])
def test_checkpoints_come_as_often_as_the_config_says(every: str, monkeypatch: pytest.MonkeyPatch) -> None:
    segments_of_one_step(monkeypatch)
    found: list[int] = []
    folder = Path("run")
    folder.mkdir()

    def look(training: Training, record: Record | None) -> None:
        if (folder / LAST).exists():
            found.append(checkpoint.load(folder / LAST)["step"])

    new_session(document_of(values_of("native", checkpoint_every=every))).run(RunFolder(folder), look)
    assert len(set(found)) >= 5


def test_a_short_run_writes_its_checkpoint_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    save = checkpoint.save

    def noted(path: Path, *rest: Any) -> None:
        written.append(path.name)
        save(path, *rest)

    monkeypatch.setattr(checkpoint, "save", noted)
    monkeypatch.setattr("os.fsync", lambda file: pytest.fail("a short run waited for the disk"))
    run_until(values_of("native"), Path("run"), 10**9)
    assert written == [BEST, LAST]


def test_a_stop_during_an_evaluation_is_heard_and_its_record_made_on_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgdlab.training.engines.native.engine.EVALUATED_AT_ONCE", 10)
    values = values_of("native")
    run_until(values, Path("whole"), 10**9)
    looks = iter(range(10**6))

    class LateWish(StopRequest):
        requested = property(lambda self: next(looks) >= 25, lambda self, value: None)

    Path("run").mkdir()
    summary = new_session(document_of(values)).run(RunFolder(Path("run")), lambda *_: None, LateWish())
    assert summary["status"] == "interrupted"
    assert checkpoint.load(Path("run") / LAST)["due"]
    run_until(values, Path("run"), 10**9)
    assert results(Path("run")) == results(Path("whole"))


def test_resume_refuses_data_that_have_changed(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=random.normal(size=(40, 3)), y=random.normal(size=40))
    values = values_of("native", dataset={"name": "npz", "path": str(tmp_path / "d.npz")})
    run_until(values, Path("run"), 8)
    before = {path.name: path.read_bytes() for path in Path("run").iterdir() if path.name != ".lock"}
    np.savez(tmp_path / "d.npz", x=random.normal(size=(40, 3)), y=random.normal(size=40))
    with pytest.raises(DataError, match="has changed since"):
        api.resume_run(RunFolder(Path("run")))
    assert before == {path.name: path.read_bytes() for path in Path("run").iterdir() if path.name != ".lock"}


def test_resume_refuses_a_config_that_was_edited_and_names_the_key() -> None:
    run_until(values_of("native"), Path("run"), 8)
    config = Path("run") / "config.yaml"
    config.write_text(config.read_text().replace("initial: 0.02", "initial: 0.03"))
    with pytest.raises(RunFolderError, match="differs from that of the checkpoint in learning_rate; delete last"):
        api.resume_run(RunFolder(Path("run")))


def test_resume_refuses_a_history_with_a_changed_digit() -> None:
    run_until(values_of("native"), Path("run"), 18)
    history = Path("run") / HISTORY
    changed = history.read_bytes().replace(b"0.02", b"0.03", 1)
    assert changed != history.read_bytes()
    history.write_bytes(changed)
    with pytest.raises(RunFolderError, match="not those that were there at the last checkpoint"):
        api.resume_run(RunFolder(Path("run")))
    assert history.read_bytes() == changed


def test_a_run_without_a_checkpoint_begins_again_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    run_until(values_of("native"), Path("whole"), 10**9)
    run_until(values_of("native"), Path("run"), 8)
    (Path("run") / LAST).unlink()
    answer = sgdlab("resume", "run")
    assert answer.code == 0
    assert "had no checkpoint yet and begins again" in answer.err
    assert results(Path("run")) == results(Path("whole"))


def test_a_completed_run_without_its_checkpoint_is_not_begun_again() -> None:
    run_until(values_of("native"), Path("run"), 10**9)
    (Path("run") / LAST).unlink()
    history = (Path("run") / HISTORY).read_bytes()
    assert sgdlab("resume", "run").code == 2
    assert (Path("run") / HISTORY).read_bytes() == history


@pytest.mark.parametrize("name", ["summary.json", "environment.json", "preprocess.json", "best.pt"])
def test_what_can_be_known_again_is_mended_and_said(name: str) -> None:
    run_until(values_of("native"), Path("whole"), 10**9)
    shutil.copytree("whole", "run")
    (Path("run") / name).write_bytes(b"\x00rubbish")
    answer = sgdlab("resume", "run")
    assert answer.code == 0
    assert f"{name}: damaged" in answer.err and "written anew" in answer.err
    assert results(Path("run")) == results(Path("whole"))


def test_a_held_folder_says_who_has_it_and_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgdlab.runs.locks.PATIENCE_SECONDS", 0.1)
    run_until(TINY, Path("run"), 2)
    plan = plan_sweep(document_of(TINY), grid((), (), range(2)))
    create_sweep(plan, Path.cwd(), "sweep")
    for path in ("run", "sweep"):
        with held(Path(path)):
            answer = sgdlab("resume", path)
            assert answer.code == 2
            assert f"{path}: process {os.getpid()} on " in answer.err
    assert "0/2 done" in sgdlab("ls", ".").out


def test_twenty_runs_of_one_second_get_twenty_folders(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.localtime(1_800_000_000)
    monkeypatch.setattr("sgdlab.runs.new_folder.time.localtime", lambda _=None: now)
    session = new_session(document_of(str(tiny)))
    names = {create_folder(Path("runs"), None, run_name(session.config)).name for _ in range(20)}
    assert len(names) == 20 and all(name.startswith("20") for name in names)


def test_a_checkpoint_that_is_a_malicious_pickle_runs_nothing() -> None:
    class Malice:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (Path("pwned"),)

    run_until(TINY, Path("run"), 2)
    for name in (LAST, BEST):
        torch.save({"model": Malice()}, Path("run") / name)
        assert sgdlab("resume", "run").code in (0, 2)
        assert sgdlab("predict", "run", "none.csv").code == 2
        assert not Path("pwned").exists()
    with pytest.raises(RunFolderError, match="damaged, or not a checkpoint"):
        api.resume_run(RunFolder(Path("run")))


def test_memory_that_does_not_suffice_ends_a_run_as_failed_with_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError("no 3 TiB")

    monkeypatch.setattr("sgdlab.training.session.train", refuse)
    Path("run").mkdir()
    with pytest.raises(RunFailed, match="out of memory: no 3 TiB"):
        new_session(document_of(TINY)).run(RunFolder(Path("run")), lambda *_: None)
    assert (
        RunFolder(Path("run")).summary() | {"status": "failed", "reason": "MemoryError: no 3 TiB"}
        == RunFolder(Path("run")).summary()
    )
    huge = sgdlab("train", write_config(Path("c.yaml"), TINY | {"model": {"name": "mlp", "hidden": [10**12]}}))
    assert huge.code == 2 and "do not fit into the memory of cpu" in huge.err
