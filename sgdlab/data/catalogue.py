"""The data sources by name, for `sgdlab data list` and `sgdlab data get`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sgdlab.errors import DataError

if TYPE_CHECKING:
    from sgdlab.data.download import Progress, Remote


@dataclass(frozen=True)
class Source:
    """What is known of a source without opening it; rows and features are None for a user's own."""

    description: str
    rows: int | None
    features: int | None
    task: str
    origin: str
    licence: str


_USERS = "your own"
SOURCES: dict[str, Source] = {
    "mnist-10k": Source(
        "handwritten digits: rows 50000 to 59999 of MNIST's training set", 10_000, 784, "classification",
        "embedded", "CC BY-SA 3.0",
    ),
    "mnist": Source(
        "handwritten digits: 60,000 for training, 10,000 more for testing", 60_000, 784, "classification",
        "download, 11 MB", "CC BY-SA 3.0",
    ),
    "fashion-mnist": Source(
        "pictures of clothes in MNIST's format, by Zalando Research", 60_000, 784, "classification",
        "download, 30 MB", "MIT",
    ),
    "airfoil": Source(
        "NASA's airfoil self-noise: sound pressure of wing sections, in decibels", 1_503, 5, "regression",
        "download, 60 kB", "CC BY 4.0",
    ),
    "airfoil-twin": Source(
        "synthetic: Gaussian rows with exactly the means and covariances of airfoil, whitened", 1_500, 5,
        "regression", "embedded", "MIT",
    ),
    "csv": Source("a CSV file with a header line", None, None, "either", _USERS, _USERS),
    "npz": Source("a numpy archive with features and targets", None, None, "either", _USERS, _USERS),
    "module:function": Source(
        "a Python function that returns (features, targets)", None, None, "either", _USERS, _USERS
    ),
}  # fmt: skip


def fetch(name: str, progress: "Progress | None" = None) -> tuple[Path, ...]:
    """Download the files of a source, unless they are here already; their paths, none if embedded.

    DataError for an unknown name, and for a download that fails from every mirror.
    """
    from sgdlab.data.download import local_file

    return tuple(local_file(remote, progress, verify_own=name == "airfoil") for remote in _files(name))


def _files(name: str) -> "tuple[Remote, ...]":
    if name == "airfoil":
        from sgdlab.data.sources.airfoil import FILE

        return (FILE,)
    if name in ("mnist", "fashion-mnist"):
        from sgdlab.data.sources.images import remote_files

        return remote_files(name)
    if name in ("mnist-10k", "airfoil-twin"):
        return ()
    from sgdlab.config.document import nearest

    if name in SOURCES or ":" in name:
        raise DataError(f"{name}: is read from your own files; there is nothing to download")
    raise DataError(f"{name}: no such data set{nearest(name, SOURCES)}")
