"""sweep.yaml: the plan of a sweep on disk, with a status for each run, replaced whole."""

import copy
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sgdlab.config import Config, Document, build_config, read_document
from sgdlab.errors import ConfigError, RunFolderError
from sgdlab.files import write_text
from sgdlab.runs import PLAN, RunFolder, is_run
from sgdlab.sweeps.plan import vary

RESOLVED_KEYS = ("loss", "device", "engine", "threads")
_SECONDS_BETWEEN_WRITES = 1.0
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


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
    _written: float = field(default=0.0, repr=False)

    def config(self, entry: Entry) -> Config:
        """The resolved config of one run."""
        document = Document(copy.deepcopy(self.base), name=str(self.path / PLAN))
        for key, value in (entry.varied | entry.resolved).items():
            vary(document, key, value, f"{self.path / PLAN} {entry.name}")
        return build_config(document)

    def folder(self, entry: Entry) -> RunFolder:
        """Where the run of an entry lives."""
        return RunFolder(self.path / "runs" / entry.name)

    def refresh(self) -> None:
        """Take every status from the run folders, which know best."""
        for entry in self.entries:
            entry.status = status_of(self.folder(entry))

    def write(self) -> None:
        """Replace sweep.yaml."""
        runs = [
            {
                "name": e.name,
                "varied": e.varied,
                "resolved": e.resolved,
                "engine_reason": e.engine_reason,
                "status": e.status,
            }
            for e in self.entries
        ]
        text = yaml.dump({"base": self.base, "runs": runs}, Dumper=_Dumper, sort_keys=False, width=120)
        write_text(self.path / PLAN, text)
        self._written = time.monotonic()

    def write_soon(self) -> None:
        """Replace sweep.yaml unless that was done within the last second."""
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self.write()


def status_of(folder: RunFolder) -> str:
    """The status of a run folder; planned where there is none, damaged where it cannot be read."""
    if not is_run(folder.path):
        return "planned"
    try:
        return str(folder.summary()["status"])
    except RunFolderError:
        return "damaged"


def read_manifest(path: Path) -> Manifest:
    """The plan in a sweep folder, statuses as the run folders have them; RunFolderError if damaged."""
    try:
        values = read_document(path / PLAN, max_bytes=64 << 20).values
        entries = [
            Entry(run["name"], run["varied"], run["resolved"], "planned", run["engine_reason"])
            for run in values["runs"]
        ]
        manifest = Manifest(path, values["base"], entries)
    except ConfigError as error:
        raise RunFolderError(f"{path / PLAN}: damaged: {error}") from None
    except (KeyError, TypeError) as error:
        raise RunFolderError(f"{path / PLAN}: damaged: {error} is missing or of another kind") from None
    manifest.refresh()
    return manifest
