"""One config at several batch sizes, each resolved by itself."""

from collections.abc import Sequence
from typing import Any

from sgdlab.config import Config
from sgdlab.data import PreparedData
from sgdlab.errors import ConfigError
from sgdlab.schema.batch_size import BatchSize
from sgdlab.training.resolve import resolve


def resolved_sizes(config: Config, data: PreparedData, sizes: Sequence[Any]) -> list[Config]:
    """The resolved config at each size, its own where none is given; a growth of the batch is left out.

    config: as the user wrote it, so that `auto` is answered anew at each size. Raises ConfigError or EngineError
    for a size that cannot be trained, before any work.
    """
    configs = []
    for size in sizes or [config.batch_size.initial]:
        if size != "full" and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
            raise ConfigError(f"--batch-sizes {size}: must be whole numbers of at least 1, or full")
        if sizes and size != "full" and size > len(data.train):
            raise ConfigError(f"--batch-sizes {size}: is above the {len(data.train):,} training rows")
        sized = config.model_copy(update={"batch_size": BatchSize(initial=size)})
        configs.append(resolve(sized, data).config)
    return configs
