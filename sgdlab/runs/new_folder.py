"""New folders: named by the user, or by what is in them behind the time; made exclusively."""

import re
import time
import unicodedata
from pathlib import Path

from sgdlab.config import Config
from sgdlab.errors import ConfigError, RunFolderError

MAX_NAME_BYTES = 180


def create_folder(parent: Path, name: str | None, title: str) -> Path:
    """Make a new folder under the user's `name`, else under `title` behind the local time; with -2, -3, ... if taken.

    ConfigError where the name could not be one folder's, RunFolderError where `parent` cannot be written to.
    """
    name = stamped(title) if name is None else checked_name(name)
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
    elif (path := getattr(config.dataset, "path", None)) is not None:
        dataset = Path(path).stem
    return slug(f"{dataset}-{config.optimizer.name}-bs{config.batch_size.initial}")


def group_name(config: Config, kind: str) -> str:
    """What a sweep or a study is called unless the user says: data set, optimiser, kind."""
    return slug(f"{run_name(config).rpartition('-bs')[0]}-{kind}")


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
