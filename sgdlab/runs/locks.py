"""One writer at a time in a run or sweep folder; a process that has died holds nothing."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from sgdlab.errors import RunFolderError
from sgdlab.runs.files import named
from sgdlab.runs.names import LOCK

PATIENCE_SECONDS = 5.0
"""How long a held folder is waited for: workers of a killed sweep need a moment to notice and stop."""


class FolderHeld(RunFolderError):
    """Another process is at work in the folder."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder; FolderHeld says who has it where it does not come free, OSError what hinders."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PATIENCE_SECONDS, poll_interval=0.05)
    except Timeout:
        raise FolderHeld(f"{folder}: {_holder(folder)} is at work on it; wait for it or stop it") from None
    except OSError as error:
        raise named(error, folder) from None
    try:
        with suppress(OSError):  # only for the message above; a full disk is found by what matters
            (folder / LOCK).write_text(f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a living process is at work in a folder; one that cannot be written to is held by nobody."""
    if not os.path.exists(folder / LOCK):
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _holder(folder: Path) -> str:
    """`process 4711 on host`, as the holder wrote it."""
    try:
        text = (folder / LOCK).read_text(errors="replace")[:200]
    except OSError:
        text = ""
    return text if text.startswith("process ") else "another process"
