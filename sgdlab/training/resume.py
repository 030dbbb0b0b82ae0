"""What a run's folder says before its first step, and a run put back to where its folder left it."""

from typing import Any

from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.data.preprocess_file import preprocess_to_json
from sgdlab.errors import DataError, RunFolderError
from sgdlab.runs.environment import environment
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import HistoryMark
from sgdlab.runs.names import BEST, CONFIG, ENVIRONMENT, LAST, PREPROCESS, SUMMARY
from sgdlab.training import checkpoint
from sgdlab.training.loop import Training


def describe(folder: RunFolder, config: Config, data: PreparedData) -> None:
    """Write environment.json and preprocess.json of a new run."""
    for name, value in _descriptions(config, data).items():
        folder.write_json(name, value)


def _descriptions(config: Config, data: PreparedData) -> dict[str, dict[str, Any]]:
    return {
        ENVIRONMENT: environment() | {"threads": config.threads, "data": data.checksum},
        PREPROCESS: {"input_shape": list(data.input_shape)} | preprocess_to_json(data.preprocess),
    }


def resume(folder: RunFolder, training: Training, data: PreparedData, notes: list[str]) -> HistoryMark | None:
    """Put `training` back to the last checkpoint; how much of history.csv stays, None for a run that begins again.

    notes: gets a line for all that was mended or begins again. RunFolderError where the folder does not go
    with the training, DataError where it was made from other data.
    """
    content = checkpoint.load_if_any(folder.path / LAST)
    if content is None and folder.status() == "completed":
        raise RunFolderError(f"{folder.path / LAST}: is not there; a completed run cannot be continued without it")
    _mend(folder, _descriptions(training.workload.config, data), content or {}, notes)
    if content is None:
        notes.append(f"{folder.path}: had no checkpoint yet and begins again from its first step")
        return None
    remedy = f"delete {LAST} to begin this run again"
    changed = checkpoint.changed_keys(content, training.workload.config)
    if changed:
        raise RunFolderError(
            f"{folder.path / CONFIG}: differs from that of the checkpoint in {', '.join(changed)}; {remedy}"
        )
    try:
        return checkpoint.restore(content, training)
    except ValueError as error:
        raise RunFolderError(f"{folder.path / LAST}: damaged: {error}; {remedy}") from None


def _mend(folder: RunFolder, wanted: dict[str, dict[str, Any]], content: dict[str, Any], notes: list[str]) -> None:
    """Refuse other data; write anew what is damaged and can be known without it."""
    for name, value in wanted.items():
        try:
            found = folder.read_json(name)
        except RunFolderError as error:
            notes.append(f"{error}; written anew")
            folder.write_json(name, value)
            found = {}
        known = content.get("data", found.get("data"))
        if name == ENVIRONMENT and known not in (None, value["data"]):
            raise DataError(f"{folder.path}: the data set has changed since this run; start a new one")
    for name in (SUMMARY, BEST):  # written whole in any case
        try:
            folder.summary() if name == SUMMARY else checkpoint.load_if_any(folder.path / BEST)
        except RunFolderError as error:
            notes.append(f"{error}; written anew")
