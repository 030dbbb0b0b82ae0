"""A disk that is full, read-only or gone at any moment of a run: no half file, a clear word, nothing lost."""

import errno
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from sgdlab import api
from sgdlab.config import document_of
from sgdlab.errors import RunFailed, SgdlabError
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import COLUMNS, HistoryWriter, Record, read_history
from sgdlab.runs.names import LAST
from sgdlab.sweeps.create import create_sweep, plan_sweep, unfinished
from sgdlab.sweeps.plan import grid
from sgdlab.training.start import new_session
from tests.faults.faulty import PROCESSES, carry, cases, essence, leftovers
from tests.support import Watching, sgdlab, write_config

VALUES: dict[str, Any] = {
    "dataset": {"name": "airfoil-twin", "limit": 60},
    "model": "linear",
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "learning_rate": 0.02,
    "batch_size": 16,
    "epochs": 3,
    "engine": "native",
    "checkpoint_every": "4 steps",
}


class FailingDisk:
    """Refuses one call of those that write below `folder`, or that one and all later ones."""

    def __init__(self, folder: Path, refused: int, for_good: bool, reason: int = errno.ENOSPC) -> None:
        self.folder, self.refused, self.for_good, self.reason, self.calls = folder, refused, for_good, reason, 0

    def check(self) -> None:
        number, self.calls = self.calls, self.calls + 1
        if number == self.refused or (self.for_good and number > self.refused):
            raise OSError(self.reason, os.strerror(self.reason))

    def guard(self, call: Callable[..., Any], place: Callable[..., object] | None = None) -> Callable[..., Any]:
        def guarded(*args: Any, **options: Any) -> Any:
            if place is None or str(self.folder) in str(place(*args, **options)):
                self.check()
            return call(*args, **options)

        return guarded

    def opened(self, descriptor: int, *args: Any, **options: Any) -> Any:
        file = _fdopen(descriptor, *args, **options)
        return _File(file, self) if str(self.folder) in path_of(descriptor) else file


class _File:
    """A file whose every write asks the disk."""

    def __init__(self, file: Any, disk: FailingDisk) -> None:
        self._file, self._disk = file, disk

    def write(self, data: Any) -> Any:
        self._disk.check()
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


_fdopen = os.fdopen


def path_of(descriptor: int, *_: object) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


@contextmanager
def failing(folder: Path, refused: int, for_good: bool = False, reason: int = errno.ENOSPC) -> Iterator[FailingDisk]:
    """The block runs on a FailingDisk."""
    disk = FailingDisk(folder, refused, for_good, reason)
    with (
        mock.patch("tempfile.mkstemp", disk.guard(tempfile.mkstemp, lambda **options: options["dir"])),
        mock.patch("os.fdopen", disk.opened),
        mock.patch("os.open", disk.guard(os.open, lambda path, *_: path)),
        mock.patch("os.replace", disk.guard(os.replace, lambda _, path: path)),
        mock.patch("os.fsync", disk.guard(os.fsync, path_of)),
        mock.patch("os.pwrite", disk.guard(os.pwrite, path_of)),
    ):
        yield disk


def whole(folder: Path) -> None:
    """Every file that is there can be read, and ends where it should."""
    from sgdlab.config import build_config, read_document
    from sgdlab.training import checkpoint

    run = RunFolder(folder)
    readers: dict[str, Callable[[Path], Any]] = {
        "config.yaml": lambda path: build_config(read_document(path)),
        "summary.json": lambda path: run.summary(),
        "environment.json": lambda path: run.read_json(path.name),
        "preprocess.json": lambda path: run.read_json(path.name),
        "best.pt": checkpoint.load,
        "last.pt": checkpoint.load,
        "history.csv": _whole_history,
    }
    for path in folder.iterdir():
        if path.name in readers:
            readers[path.name](path)
    assert leftovers(folder) == []


def _whole_history(path: Path) -> None:
    content = path.read_bytes()
    if content:  # made, and not a byte of it written yet
        assert content.endswith(b"\n")
        assert all(len(line.split(b",")) == len(COLUMNS) for line in content.splitlines())
        read_history(path)


@pytest.fixture
def undisturbed(tmp_path: Path) -> dict[str, Any]:
    carry(VALUES, tmp_path / "whole")
    return essence(tmp_path / "whole")


@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS])
def test_no_write_of_a_run_that_fails_leaves_half_a_file(
    for_good: bool, reason: int, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    with failing(tmp_path / "count", 10**9) as disk:
        carry(VALUES, tmp_path / "count")
    assert disk.calls > 40
    step = cases(9, 1)
    for refused in range(0, disk.calls, step):
        folder = tmp_path / f"{refused}"
        try:
            with failing(folder, refused, for_good, reason):
                carry(VALUES, folder)
        except RunFailed as error:
            assert os.strerror(reason) in str(error) and str(folder) in str(error)
        else:
            assert not for_good  # the lock's note on who holds it may fail alone
        whole(folder)
        carry(VALUES, folder)
        assert essence(folder) == undisturbed


def _limited(size: int, arguments: list[str], say: Any) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    answer = sgdlab(*arguments)
    say.send((answer.code, answer.out, answer.err))


def test_a_file_size_limit_ends_a_run_with_one_message_and_whole_files(tmp_path: Path) -> None:
    config = write_config(tmp_path / "run.yaml", VALUES | {"epochs": 30})
    full = sgdlab("train", config, "--name", "whole", "--quiet")
    assert full.code == 0
    largest = max(path.stat().st_size for path in Path("runs/whole").iterdir() if path.suffix != ".png")
    codes = set()
    for number in range(count := cases(3, 20)):
        size = 40 + number * largest // count
        ours, theirs = PROCESSES.Pipe(duplex=False)
        arguments = ["train", str(config), "--name", f"at-{size}", "--quiet"]
        process = PROCESSES.Process(target=_limited, args=(size, arguments, theirs))
        process.start()
        theirs.close()
        code, out, err = ours.recv()
        process.join()
        codes.add(code)
        assert code == 1 and "File too large" in err and "Traceback" not in err, (size, code, out, err)
        whole(Path("runs") / f"at-{size}")
    assert codes == {1}


def test_a_row_that_the_disk_takes_half_of_is_taken_back(tmp_path: Path) -> None:
    write = os.pwrite

    def half(file: int, data: bytes, place: int) -> int:
        if len(data) < 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data[: max(len(data) // 2, 9)], place)

    first, second = (Record(1.0, step, 48, 0.1, 16, *[0.25] * 8) for step in (3, 6))
    with HistoryWriter(tmp_path / "history.csv") as history:
        history.append(first)
        before = (tmp_path / "history.csv").read_bytes()
        with mock.patch("os.pwrite", half), pytest.raises(OSError, match=r"No space left on device: '.*history\.csv'"):
            history.append(second)
        assert (tmp_path / "history.csv").read_bytes() == before
        history.append(second)
    assert len(read_history(tmp_path / "history.csv")) == 2


def test_a_run_whose_folder_is_removed_says_so(tmp_path: Path) -> None:
    session = new_session(document_of(VALUES))
    folder = tmp_path / "gone"
    folder.mkdir()

    def remove(training: Any, record: Any) -> None:
        if training.position.step >= 2 and folder.exists():
            shutil.rmtree(folder)

    with pytest.raises(RunFailed, match="No such file"):
        session.run(RunFolder(folder), remove)
    assert not folder.exists()


def test_a_run_folder_that_is_removed_under_a_sweep_fails_alone(tmp_path: Path) -> None:
    plan = plan_sweep(document_of(VALUES | {"epochs": 2000, "checkpoint_every": "1000 steps"}), grid((), (), range(3)))
    manifest = create_sweep(plan, tmp_path, "sweep")
    victim = manifest.folder(manifest.entries[0]).path

    def remove(entry: Any, report: Any) -> None:
        if report is not None and entry.name == victim.name and report.summary is None and victim.exists():
            shutil.rmtree(victim, ignore_errors=True)

    done = api.run_planned(manifest, list(manifest.entries), 1, Watching(remove))
    assert [entry.status for entry in done.manifest.entries][1:] == ["completed", "completed"]
    assert not (victim / LAST).exists() or done.manifest.entries[0].status == "completed"


def test_a_run_of_a_sweep_on_a_full_disk_fails_alone_and_is_completed_later(tmp_path: Path) -> None:
    plan = plan_sweep(document_of(VALUES), grid((), (), range(3)))
    manifest = create_sweep(plan, tmp_path, "sweep")
    second = manifest.folder(manifest.entries[1]).path
    with failing(second, 20, for_good=True):  # inherited by the workers
        done = api.run_planned(manifest, list(manifest.entries), 1)
    assert [entry.status for entry in manifest.entries] == ["completed", "failed", "completed"]
    assert set(done.results["status"]) == {"completed", "interrupted"}  # not even the failure could be noted
    again = api.run_planned(done.manifest, unfinished(done.manifest), 1)
    assert set(again.results["status"]) == {"completed"}


def test_a_sweep_that_cannot_write_its_tables_says_which(tmp_path: Path) -> None:
    plan = plan_sweep(document_of(VALUES), grid((), (), range(2)))
    manifest = create_sweep(plan, tmp_path, "sweep")
    (tmp_path / "sweep" / "results.csv").mkdir()
    with pytest.raises(SgdlabError, match=r"results\.csv: Is a directory"):
        api.run_planned(manifest, list(manifest.entries), 1)
    assert all(entry.status == "completed" for entry in manifest.entries)
