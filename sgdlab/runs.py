"""Run folders: naming, locking, summary and status, listing, checkpoints."""

import json
import re
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from sgdlab.config import Config, build_config, read_document
from sgdlab.errors import ConfigError, RunFolderError
from sgdlab.files import whole_file, write_json, write_text

Status = Literal["completed", "diverged", "interrupted", "failed", "running"]
MAX_NAME_BYTES = 180

CONFIG, HISTORY, SUMMARY = "config.yaml", "history.csv", "summary.json"
ENVIRONMENT, PREPROCESS = "environment.json", "preprocess.json"
BEST, LAST, PLAN = "best.pt", "last.pt", "sweep.yaml"


@dataclass(frozen=True)
class RunFolder:
    """One run on disk; every read names the file when it is damaged."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    def config(self) -> Config:
        """The resolved config of the run."""
        return build_config(read_document(self.path / CONFIG))

    def summary(self) -> dict[str, Any]:
        """summary.json with the status as it is now: running without a holder means interrupted."""
        summary = _read_json(self.path / SUMMARY)
        if summary.get("status") not in get_args(Status):
            raise RunFolderError(f"{self.path / SUMMARY}: damaged: holds no known status")
        if summary["status"] == "running" and not self.is_held():
            summary["status"] = "interrupted"
        return summary

    def environment(self) -> dict[str, Any]:
        """environment.json."""
        return _read_json(self.path / ENVIRONMENT)

    def preprocess(self) -> dict[str, Any]:
        """preprocess.json."""
        return _read_json(self.path / PREPROCESS)

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Replace summary.json, whole."""
        write_json(self.path / SUMMARY, summary)

    def write_text(self, name: str, text: str) -> None:
        """Replace one of the folder's files, whole."""
        write_text(self.path / name, text)

    def is_held(self) -> bool:
        """Whether a living process is at work in this folder."""
        lock = FileLock(self._lock_path, timeout=0)
        if not self._lock_path.exists():
            return False
        try:
            with lock:
                return False
        except Timeout:
            return True
        except OSError:  # a folder that cannot be written to is held by nobody
            return False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder; RunFolderError when another process does. A dead process holds nothing."""
        lock = FileLock(self._lock_path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunFolderError(f"{self.path}: another process is at work on it; wait for it or stop it") from None
        except OSError as error:
            raise RunFolderError(f"{self.path}: cannot be written to: {error.strerror}") from None
        try:
            yield
        finally:
            lock.release()

    @property
    def _lock_path(self) -> Path:
        return self.path / ".lock"

    def save_checkpoint(self, name: str, content: dict[str, Any]) -> None:
        """Write tensors and plain values, whole."""
        import torch

        with whole_file(self.path / name) as file:
            torch.save(content, file)

    def load_checkpoint(self, name: str) -> dict[str, Any]:
        """Read what save_checkpoint wrote; only tensors and plain values are ever loaded."""
        import torch

        path = self.path / name
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise RunFolderError(f"{path}: is not there") from None
        except Exception as error:  # torch raises many kinds for a file that is cut, foreign or hostile
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise RunFolderError(f"{path}: damaged, or not a checkpoint of sgdlab: {reason}") from None
        if not isinstance(content, dict):
            raise RunFolderError(f"{path}: damaged: holds no checkpoint")
        return content


def create_run_folder(parent: Path, name: str) -> RunFolder:
    """Make a new folder under `parent`; on a collision with suffix -2, -3, ..."""
    return RunFolder(create_folder(parent, name))


def create_folder(parent: Path, name: str) -> Path:
    """Make a new folder, exclusively; RunFolderError when `parent` cannot be written to."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 100_000):
            path = parent / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise RunFolderError(
            f"{parent}: cannot make a folder there: {error.strerror}; choose another --runs-dir"
        ) from None
    raise RunFolderError(f"{parent}: holds too many folders named {name}")


def stamped(name: str, now: float | None = None) -> str:
    """`name` behind the local time, as 20261121-194503-name."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{name}"


def run_name(config: Config) -> str:
    """What a run is called unless the user says: data set, optimiser, batch size."""
    dataset = config.dataset.name
    if ":" in dataset:
        dataset = dataset.rpartition(":")[2]
    elif dataset in ("csv", "npz"):
        dataset = Path(str(getattr(config.dataset, "path", dataset))).stem
    return slug(f"{dataset}-{config.optimizer.name}-bs{config.batch_size.initial}")


def slug(text: str) -> str:
    """`text` as a file name that every system takes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._+=-]+", "-", plain).strip("-.")[:100] or "run"


def checked_name(name: str) -> str:
    """A name that the user gave, refused where it could not be one folder's name."""
    faults = {
        "is empty": not name.strip(),
        "holds a path separator; a name is one folder, --runs-dir says where": "/" in name or "\\" in name,
        "holds control characters": any(unicodedata.category(c).startswith("C") for c in name),
        "starts with a dot": name.startswith("."),
        f"is longer than {MAX_NAME_BYTES} bytes": len(name.encode(errors="replace")) > MAX_NAME_BYTES,
    }
    for fault, found in faults.items():
        if found:
            raise ConfigError(f"--name {name[:60]!r}: {fault}")
    return name


def is_run(path: Path) -> bool:
    """Whether `path` looks like a run folder, damaged ones included."""
    return path.is_dir() and any((path / name).exists() for name in (CONFIG, SUMMARY, HISTORY))


def is_sweep(path: Path) -> bool:
    """Whether `path` looks like a sweep folder."""
    return path.is_dir() and (path / PLAN).exists()


def runs_in(path: Path) -> list[RunFolder]:
    """The run folders at `path`: itself, those of a sweep, or those directly inside; by name."""
    if is_run(path):
        return [RunFolder(path)]
    inside = path / "runs" if is_sweep(path) else path
    try:
        return [RunFolder(child) for child in sorted(inside.iterdir()) if is_run(child)]
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be listed: {error.strerror}") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path}: damaged: not JSON: {str(error)[:100]}") from None
    if not isinstance(content, dict):
        raise RunFolderError(f"{path}: damaged: holds no mapping")
    return content
