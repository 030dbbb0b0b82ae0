"""Batch sizes that fit the training rows, and one config at several of them."""

from collections.abc import Sequence
from typing import Any

from sgdlab.config import Config
from sgdlab.errors import ConfigError
from sgdlab.schema.batch_size import BatchSize
from sgdlab.training.sampling import batch_rows


def checked_batch_size(size: Any, rows: int, where: str) -> int:
    """The number that a batch size means, `full` all rows; ConfigError for what is none, or above the rows.

    where: what the message begins with, as `--batch-sizes 500:`.
    """
    number = batch_rows(size, rows)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ConfigError(f"{where} must be whole numbers of at least 1, or full")
    if number > rows:
        raise ConfigError(f"{where} is above the {rows} training rows; use at most {rows}, or full")
    return number


def at_batch_sizes(config: Config, rows: int, sizes: Sequence[Any]) -> list[Config]:
    """The config at each size, not yet resolved; at its own where none is given. A growth is left out.

    sizes: numbers or "full", which is the number of training rows; each counts once. Raises ConfigError for
    what is no batch size, or above the rows.
    """
    once = {checked_batch_size(size, rows, f"--batch-sizes {size}:"): size for size in sizes}
    wanted = list(once.values()) or [config.batch_size.initial]
    return [config.model_copy(update={"batch_size": BatchSize(initial=size)}) for size in wanted]
