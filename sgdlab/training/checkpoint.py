"""last.pt and best.pt: all that continuing a run needs, as tensors and plain values only."""

import io
import math
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
import yaml

from sgdlab.config import Config, config_to_yaml, differing
from sgdlab.errors import RunFolderError
from sgdlab.runs.files import whole_file
from sgdlab.runs.history import HistoryMark, Record
from sgdlab.training import generators
from sgdlab.training.loop import Best, Position, Training

_COUNTERS = {field.name: type(field.default) for field in fields(Position) if isinstance(field.default, int | float)}
"""What a Position counts, and whether in int, float or bool."""


def save(path: Path, content: dict[str, Any], durable: bool = False) -> None:
    """Write tensors and plain values, whole; OSError where the disk refuses.

    They are packed in memory first: torch's own writer hides the reason of a failed write.
    """
    packed = io.BytesIO()
    torch.save(content, packed)
    with whole_file(path, durable) as file:
        file.write(packed.getbuffer())


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote. Nothing but tensors and plain values is ever loaded: no code runs."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # torch raises many kinds for a file that is cut, foreign or hostile
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise RunFolderError(f"{path}: damaged, or not a checkpoint of sgdlab: {reason}") from None
    if not isinstance(content, dict):
        raise RunFolderError(f"{path}: damaged: holds no checkpoint")
    return content


def load_if_any(path: Path) -> dict[str, Any] | None:
    """What `load` reads; None where there is no file, or one that a power cut left empty."""
    try:
        return load(path) if path.stat().st_size else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from None


def snapshot(training: Training, mark: HistoryMark, checksum: str) -> dict[str, Any]:
    """The content of last.pt. mark: the end of history.csv; checksum: of the data."""
    position, best = training.position, training.position.best
    return {
        "config": config_to_yaml(training.workload.config),
        "data": checksum,
        "history": asdict(mark),
        "model": training.workload.model.state_dict(),
        "optimizer": training.engine.optimizer_state(),
        "noise": generators.states_of(training.workload.device),
        "best": None if best is None else {"record": asdict(best.record), "state": best.state},
        "last": None if position.last is None else asdict(position.last),
        "pending": torch.from_numpy(position.pending),
        "pending_sizes": torch.from_numpy(position.pending_sizes),
        **{name: getattr(position, name) for name in _COUNTERS},
    }


def restore(content: dict[str, Any], training: Training) -> HistoryMark:
    """Put model, optimiser and position back; the end of history.csv then. Whatever is wrong is a ValueError."""
    try:
        position = Position(
            pending=content["pending"].numpy(),
            pending_sizes=content["pending_sizes"].numpy(),
            best=_best(content["best"], training),
            last=None if content["last"] is None else _record(content["last"]),
            generators=content["noise"],
            **{name: _counter(content[name], kind) for name, kind in _COUNTERS.items()},
        )
        mark = HistoryMark(_counter(content["history"]["length"], int), str(content["history"]["sha256"]))
        if len(position.pending) != len(position.pending_sizes) or not isinstance(position.generators, dict):
            raise ValueError("its parts do not fit together")
        training.workload.model.load_state_dict(content["model"])
        training.engine.load_optimizer_state(content["optimizer"])
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ValueError((str(error).splitlines() or [type(error).__name__])[0][:200]) from None
    training.start_from(position)
    return mark


def changed_keys(content: dict[str, Any], config: Config) -> list[str]:
    """Keys in which a run's config differs from that of its checkpoint; epochs may have grown."""
    try:
        before, now = (yaml.safe_load(text) for text in (content["config"], config_to_yaml(config)))
        grown = (
            not config.learning_rate.needs_horizon
            and config.epochs is not None
            and before.get("epochs", math.inf) <= config.epochs
        )
        keys = differing(before, now)
    except (KeyError, TypeError, AttributeError, yaml.YAMLError):
        return ["everything"]
    return [key for key in keys if not (key == "epochs" and grown)]


def _best(value: Any, training: Training) -> Best | None:
    if value is None:
        return None
    wanted = {name: getattr(tensor, "shape", None) for name, tensor in training.workload.model.state_dict().items()}
    if {name: getattr(tensor, "shape", None) for name, tensor in value["state"].items()} != wanted:
        raise ValueError("its best model is another one")
    return Best(_record(value["record"]), value["state"])


def _record(values: dict[str, Any]) -> Record:
    numbers = all(type(value) in (int, float) for value in values.values())
    if not numbers or [*values] != [field.name for field in fields(Record)]:
        raise ValueError("it holds no record where one belongs")
    return Record(**values)


def _counter(value: Any, kind: type[float]) -> Any:
    if type(value) is not kind or not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{value!r} stands where a count belongs")
    return value
