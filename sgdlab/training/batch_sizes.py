"""One config at several batch sizes, as options name them."""

from collections.abc import Sequence
from typing import Any

from sgdlab.config import Config
from sgdlab.errors import ConfigError
from sgdlab.schema.batch_size import BatchSize
from sgdlab.training.sampling import batch_rows


def at_batch_sizes(config: Config, rows: int, sizes: Sequence[Any]) -> list[Config]:
    """The config at each size, not yet resolved; at its own where none is given. A growth is left out.

    sizes: numbers or "full", which is the number of training rows; each counts once. Raises ConfigError for
    what is no batch size, or above the rows.
    """
    for size in sizes:
        if size != "full" and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
            raise ConfigError(f"--batch-sizes {size}: must be whole numbers of at least 1, or full")
        if size != "full" and size > rows:
            raise ConfigError(f"--batch-sizes {size}: is above the {rows:,} training rows")
    once = {batch_rows(size, rows): size for size in sizes or [config.batch_size.initial]}
    return [config.model_copy(update={"batch_size": BatchSize(initial=size)}) for size in once.values()]
