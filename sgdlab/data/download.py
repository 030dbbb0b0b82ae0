"""Files from the network: downloaded once into a cache, checked, whole or absent.

Looked for in this order: the folder that SGDLAB_DATA names (a user's own files), the cache (SGDLAB_CACHE,
else the platform's cache folder), the mirrors one after the other.
"""

import hashlib
import http.client
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sgdlab.data.raw import quote
from sgdlab.errors import DataError

Progress = Callable[[str, int, int | None], None]
"""progress(file, bytes_done, bytes_total or None), called about ten times a second."""

TIMEOUT_SECONDS = 20.0  # without a byte from the server
DEADLINE_SECONDS = 900.0  # for one file from one mirror, and for another process that downloads it
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Remote:
    """A file that mirrors offer.

    folders: subfolders of SGDLAB_DATA in which a user's copy may lie, the first is the one to advise.
    checksum: "sha256:<hex>" or "md5:<hex>" of the file as the mirrors send it; verify_own: whether a user's
    copy must have it as well.
    """

    source: str
    name: str
    urls: tuple[str, ...]
    checksum: str
    max_bytes: int
    folders: tuple[str, ...] = (".",)
    remedy: str = ""
    verify_own: bool = False


def local_file(remote: Remote, progress: Progress | None = None) -> Path:
    """Path of the file on this machine, downloaded if need be.

    A user's own copy in SGDLAB_DATA, gzipped or not, is taken as it is unless its checksum must hold as well.
    DataError names every mirror's fault and what to do.
    """
    own = own_copy(remote)
    if own is not None:
        if remote.verify_own and (seen := file_checksum(own, remote.checksum)) != remote.checksum:
            raise DataError(
                f"{own}: not the file of {remote.source}: its checksum is {seen}, expected "
                f"{remote.checksum}; replace it, or unset SGDLAB_DATA to have it downloaded"
            )
        return own
    target = cache_folder() / remote.source / remote.name
    try:
        return _cached(remote, target, progress)
    except OSError as fault:
        raise DataError(
            f"{target.parent}: cannot keep {remote.name} there ({fault.strerror or fault}); name a "
            "folder that can be written by SGDLAB_CACHE, " + _own_folder_remedy(remote)
        ) from None


def own_copy(remote: Remote) -> Path | None:
    """The user's copy in the folder SGDLAB_DATA, if there is one."""
    root = os.environ.get("SGDLAB_DATA")
    if not root:
        return None
    names = (remote.name, remote.name.removesuffix(".gz"))
    candidates = (Path(root).expanduser() / folder / name for folder in remote.folders for name in names)
    return next((path for path in candidates if path.is_file()), None)


def cache_folder() -> Path:
    """Where downloads are kept: SGDLAB_CACHE, else the platform's cache folder for sgdlab."""
    chosen = os.environ.get("SGDLAB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("sgdlab")


def file_checksum(path: Path, like: str) -> str:
    """Checksum of a file by the method that `like` names before its colon."""
    method = like.partition(":")[0]
    with path.open("rb") as file:
        return f"{method}:{hashlib.file_digest(file, lambda: _hasher(method)).hexdigest()}"


def _hasher(method: str) -> "hashlib._Hash":
    return hashlib.new(method, usedforsecurity=False)  # md5 guards against accidents only


def _cached(remote: Remote, target: Path, progress: Progress | None) -> Path:
    """The cached file, verified; the lock lets one process download while others wait for it."""
    if _is_good(target, remote):
        return target
    from filelock import FileLock, Timeout

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.parent / f".{target.name}.lock", timeout=DEADLINE_SECONDS):
            if not _is_good(target, remote):
                _download(remote, target, progress)
    except Timeout:
        raise DataError(
            f"dataset {remote.source}: another process has been downloading {remote.name} for "
            f"{DEADLINE_SECONDS:g} s; end it and try again, {_own_folder_remedy(remote)}"
        ) from None
    return target


def _is_good(path: Path, remote: Remote) -> bool:
    return path.is_file() and file_checksum(path, remote.checksum) == remote.checksum


def _download(remote: Remote, target: Path, progress: Progress | None) -> None:
    """Try the mirrors in turn; `target` appears only whole and with the right checksum."""
    part = target.with_name(f".{target.name}.part")  # ours alone: the lock is held
    faults = []
    try:
        for url in remote.urls:
            try:
                with part.open("wb") as file:
                    seen = _transfer(url, file, remote, progress)
            except _Fault as fault:
                faults.append(f"  {url}: {fault}")
                continue
            if seen != remote.checksum:
                faults.append(f"  {url}: wrong checksum {seen}, expected {remote.checksum}")
                continue
            os.replace(part, target)
            return
    finally:
        part.unlink(missing_ok=True)
    raise DataError(
        "\n".join([f"dataset {remote.source}: cannot download {remote.name}", *faults, _own_folder_remedy(remote)])
    )


class _Fault(Exception):
    """What went wrong with one mirror, in words."""


def _transfer(url: str, file: IO[bytes], remote: Remote, progress: Progress | None) -> str:
    """Copy `url` into `file`, flushed to disk; its checksum. _Fault when the transfer breaks."""
    hasher = _hasher(method := remote.checksum.partition(":")[0])
    done, started, last_told = 0, time.monotonic(), 0.0
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "sgdlab"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            announced = answer.headers.get("Content-Length", "")
            total = int(announced) if announced.isdecimal() else None
            while chunk := answer.read1(_CHUNK):
                done += len(chunk)
                if done > remote.max_bytes:
                    raise _Fault(f"more than the {remote.max_bytes} bytes expected at most")
                now = time.monotonic()
                if now - started > DEADLINE_SECONDS:
                    raise _Fault(f"not done after {DEADLINE_SECONDS:g} s ({done} bytes)")
                hasher.update(chunk)
                file.write(chunk)
                if progress is not None and now - last_told > 0.1:
                    progress(remote.name, done, total)
                    last_told = now
    except urllib.error.HTTPError as fault:
        raise _Fault(f"HTTP {fault.code} {fault.reason}") from None
    except urllib.error.URLError as fault:
        raise _Fault(f"cannot connect ({fault.reason})") from None
    except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException, ValueError) as fault:
        raise _Fault(f"broken transfer after {done} bytes ({fault or type(fault).__name__})") from None
    if total is not None and done < total:
        raise _Fault(f"broken transfer: {done} of {total} bytes")
    file.flush()
    os.fsync(file.fileno())
    if progress is not None:
        progress(remote.name, done, done)
    return f"{method}:{hasher.hexdigest()}"


def _own_folder_remedy(remote: Remote) -> str:
    root = os.environ.get("SGDLAB_DATA")
    place = f" {Path(root) / remote.folders[0]} (SGDLAB_DATA)" if root else " a folder of your own"
    naming = "" if root else ", name that folder by the environment variable SGDLAB_DATA"
    if not root and remote.folders[0] != ".":
        place += f", there into {quote(remote.folders[0])}"
    remedy = f"download it elsewhere and put it into{place}{naming}"
    return f"{remedy}; {remote.remedy}" if remote.remedy else remedy
