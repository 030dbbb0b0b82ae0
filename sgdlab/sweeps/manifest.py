"""sweep.yaml: the plan of a sweep on disk, with a status for each run, replaced whole."""

import copy
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sgdlab.config import (
    Config,
    Document,
    build_config,
    differing,
    flat_keys,
    read_document,
    set_key,
    write_values,
)
from sgdlab.errors import ConfigError, RunFolderError
from sgdlab.runs.files import whole_file
from sgdlab.runs.folder import RunFolder, is_run
from sgdlab.runs.names import PLAN, RUNS
from sgdlab.runs.new_folder import slug
from sgdlab.sweeps.plan import PlannedRun

RESOLVED_KEYS = ("loss", "device", "engine", "threads")
_SECONDS_BETWEEN_WRITES = 1.0
_ENTRY_KEYS = ("name", "varied", "resolved", "engine_reason", "status")


@dataclass
class Entry:
    """One run of the plan: what was varied, what was resolved before any run began, its status.

    status: planned, or that of the run's own folder.
    """

    name: str
    varied: dict[str, Any]
    resolved: dict[str, Any]
    status: str = "planned"
    engine_reason: str = ""


@dataclass
class Manifest:
    """The plan of the sweep in `path`. base: what all runs share, as `portable_values` gives it."""

    path: Path
    base: dict[str, Any]
    entries: list[Entry]
    _next_write: float = field(default=0.0, repr=False)
    _statuses: list[str] = field(default_factory=list, repr=False)

    def config(self, entry: Entry, resolved: bool = True) -> Config:
        """The config of one run, with or without what was resolved."""
        document = Document(copy.deepcopy(self.base), name=str(self.path / PLAN))
        for key, value in (entry.varied | (entry.resolved if resolved else {})).items():
            set_key(document, key, value, f"{self.path / PLAN} {entry.name}")
        return build_config(document)

    def folder(self, entry: Entry) -> RunFolder:
        """Where the run of an entry lives."""
        return RunFolder(self.path / RUNS / entry.name)

    def refresh(self) -> None:
        """Take every status from the run folders, which know best."""
        for entry in self.entries:
            entry.status = status_of(self.folder(entry))

    def write(self, durable: bool = False) -> None:
        """Replace sweep.yaml."""
        began = time.monotonic()
        runs = [{key: getattr(entry, key) for key in _ENTRY_KEYS} for entry in self.entries]
        text = write_values({"base": self.base, "runs": runs})
        with whole_file(self.path / PLAN, durable) as file:
            file.write(text.encode())
        self._statuses = [entry.status for entry in self.entries]
        now = time.monotonic()
        self._next_write = now + max(_SECONDS_BETWEEN_WRITES, 20 * (now - began))

    def write_soon(self) -> None:
        """Replace sweep.yaml where a status has changed, at most once a second and in 5 % of the time.

        A disk that refuses is told of at the end: the statuses live in the run folders too.
        """
        if time.monotonic() >= self._next_write and self._statuses != [entry.status for entry in self.entries]:
            with suppress(OSError):
                self.write()


def status_of(folder: RunFolder) -> str:
    """The status of a run folder; planned where there is none, damaged where it cannot be read."""
    return folder.status() if is_run(folder.path) else "planned"


def read_manifest(path: Path) -> Manifest:
    """The plan in a sweep folder, statuses as the run folders have them; RunFolderError if damaged."""
    try:
        values = read_document(path / PLAN, max_bytes=64 << 20).values
        entries = [_entry(run) for run in values["runs"]]
        if not entries or not isinstance(values["base"], dict):
            raise ValueError("it holds no plan")
        if len({entry.name for entry in entries}) < len(entries):
            raise ValueError("two runs have one name")
        manifest = Manifest(path, values["base"], entries)
    except (ConfigError, ValueError) as error:
        raise RunFolderError(f"{path / PLAN}: damaged: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path / PLAN}: damaged: {error} is missing or of another kind") from None
    manifest.refresh()
    return manifest


def _entry(run: Any) -> Entry:
    """An entry as it was written; ValueError where its name could lead out of the sweep."""
    entry = Entry(str(run["name"]), dict(run["varied"]), dict(run["resolved"]), "planned", str(run["engine_reason"]))
    if entry.name != slug(entry.name) or not set(RESOLVED_KEYS) <= entry.resolved.keys():
        raise ValueError(f"{entry.name[:60]!r} is no run")
    if not isinstance(entry.resolved["threads"], int):
        raise ValueError(f"{entry.name}: threads is no number")
    return entry


def plan_differences(manifest: Manifest, planned: Sequence[PlannedRun]) -> list[str]:
    """In which runs and keys another plan differs from that of a sweep on disk; empty where it is the same."""
    there = {entry.name: entry for entry in manifest.entries}
    here = {run.name: run for run in planned}
    differences = [f"{name} is not planned now" for name in there if name not in here]
    differences += [f"{name} is not planned there" for name in here if name not in there]
    for name, run in here.items():
        if name in there:
            before = flat_keys(manifest.config(there[name], resolved=False))
            now = flat_keys(run.config)
            differences += [
                f"{name}: {key} is {before.get(key)} there and {now.get(key)} now" for key in differing(before, now)
            ]
    return differences
