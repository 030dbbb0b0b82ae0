"""From a grid to the runs of a sweep: pure, in a fixed order, every config checked."""

import copy
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sgdlab.config import Config, Document, build_config, plain, set_key
from sgdlab.config.build import GRID
from sgdlab.config.document import read_value
from sgdlab.config.overrides import split_assignment
from sgdlab.errors import ConfigError
from sgdlab.runs.new_folder import slug

MAX_RUNS = 100_000
_SEED = re.compile(r"[0-9]{1,19}")
_SHORT = {"batch_size": "bs", "learning_rate": "lr"}


@dataclass(frozen=True)
class Axis:
    """One varied key with its values in the order given, and the option that asked for it."""

    key: str
    values: tuple[Any, ...]
    option: str


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep: its name, what was varied to get it, and its config."""

    name: str
    varied: Mapping[str, Any]
    config: Config


def parse_list(text: str, option: str) -> tuple[Any, ...]:
    """The values of '8,64,128' or of a YAML list '[[50], [50, 20]]'; ConfigError when there is none."""
    whole = read_value(text, option) if text.strip().startswith("[") else None
    values = whole if isinstance(whole, list) else [read_value(part, option) for part in text.split(",")]
    if not values or any(value is None for value in values):
        raise ConfigError(f'{option} "{text[:60]}": needs values like 8,64,128')
    return _distinct(values, option)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds of '0-4', '7' or '0,1,5-9'."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _SEED.fullmatch(first) or (dash and not _SEED.fullmatch(last)):
            raise ConfigError(f'--seeds "{text[:60]}": must be whole numbers or ranges like 0-4')
        low, high = int(first), int(last or first)
        if high < low or high - low >= MAX_RUNS:
            raise ConfigError(f'--seeds "{text[:60]}": {part.strip()[:40]} is no range of at most {MAX_RUNS:,} seeds')
        seeds += range(low, high + 1)
    return _distinct(seeds, "--seeds")


def parse_axis(assignment: str, option: str = "--vary") -> Axis:
    """The axis of 'KEY=V1,V2' or 'KEY=[...]'."""
    key, text = split_assignment(assignment, option)
    return Axis(key, parse_list(text, f"{option} {key}"), f"{option} {key}")


def grid(
    batch_sizes: Iterable[Any],
    learning_rates: Iterable[float],
    seeds: Iterable[int],
    vary: Mapping[str, Iterable[Any]] | None = None,
) -> list[Axis]:
    """The axes of a sweep in their usual order: other keys, batch size, learning rate, seed."""
    named = {"batch_size": batch_sizes, "learning_rate": learning_rates, "seed": seeds}
    options = {"batch_size": "--batch-sizes", "learning_rate": "--learning-rates", "seed": "--seeds"}
    axes = [Axis(key, tuple(map(plain, values)), f"--vary {key}") for key, values in (vary or {}).items()]
    axes += [Axis(key, tuple(map(plain, values)), options[key]) for key, values in named.items()]
    return [axis for axis in axes if axis.values]


def own_axes(document: Document, given: set[str]) -> list[Axis]:
    """The grid that a config brings along under `sweep`, without the keys that `given` or an option sets."""
    grid = document.values.get(GRID, {})
    place = document.origin((GRID,))
    if not isinstance(grid, dict):
        raise ConfigError(f"{place} {GRID}: must be keys with lists, like {{batch_size: [8, 64]}}")
    axes = []
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{place} {GRID}.{key}: must be a list of values")
        if key not in given and option_setting(document, str(key)) is None:
            axes.append(Axis(key, _distinct(values, f"{place} {GRID}.{key}"), f"{place} {GRID}.{key}"))
    return axes


def option_setting(document: Document, key: str) -> str | None:
    """The option, as --batch-size 8, that set `key` or a part of it."""
    path = tuple(key.split("."))
    origins = (origin for place, origin in document.origins.items() if place[: len(path)] == path)
    return next((origin for origin in origins if origin.startswith("--")), None)


def plan_runs(document: Document, axes: Sequence[Axis]) -> list[PlannedRun]:
    """The grid's runs, the last axis varying fastest; ConfigError lists every fault of every run."""
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(f"{key}: is varied twice; give all its values at once")
    for axis in axes:
        option = option_setting(document, axis.key)
        if option is not None:
            raise ConfigError(f"{axis.option}: {option} sets what is to be varied; give one of the two")
    count = 1
    for axis in axes:
        count *= len(axis.values)
    if count > MAX_RUNS:
        raise ConfigError(f"the grid has {count:,} runs; at most {MAX_RUNS:,} fit one sweep")
    runs, faults = [], {}
    for number, values in enumerate(itertools.product(*(axis.values for axis in axes)), 1):
        varied = dict(zip(keys, values, strict=True))
        try:
            runs.append(PlannedRun(_name(number, count, varied), varied, _config(document, axes, values)))
        except ConfigError as error:
            faults.update(dict.fromkeys(error.problems))
    if faults:
        raise ConfigError(list(faults))
    return runs


def _config(document: Document, axes: Sequence[Axis], values: Sequence[Any]) -> Config:
    changed = copy.deepcopy(document)
    for axis, value in zip(axes, values, strict=True):
        set_key(changed, axis.key, value, f"{axis.option}={value}")
    return build_config(changed)


def without_seed(varied: Mapping[str, Any]) -> dict[str, Any]:
    """A setting: what was varied, but for the seed."""
    return {key: value for key, value in varied.items() if key != "seed"}


def _name(number: int, count: int, varied: Mapping[str, Any]) -> str:
    """001-bs8-seed0: the number keeps the plan's order and makes the name unique."""
    parts = [f"{_SHORT.get(key, key.rpartition('.')[2])}{value}" for key, value in varied.items()]
    return slug("-".join([f"{number:0{max(3, len(str(count)))}d}", *parts]))


def _distinct(values: Sequence[Any], option: str) -> tuple[Any, ...]:
    seen: set[Any] = set()
    for value in values:
        key = repr(value) if isinstance(value, list | dict) else (value,)
        if key in seen:
            raise ConfigError(f"{option}: {value!r} stands twice")
        seen.add(key)
    return tuple(values)
