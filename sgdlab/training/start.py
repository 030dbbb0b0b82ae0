"""A session made ready from a config, or from the folder of a run that is to go on."""

import math
from typing import TYPE_CHECKING

from sgdlab.config import Config, Document, build_config, locate, without_grid
from sgdlab.data import load
from sgdlab.errors import ConfigError, RunFolderError
from sgdlab.runs.folder import RunFolder

if TYPE_CHECKING:
    from sgdlab.data.download import Progress
    from sgdlab.data.prepared import PreparedData
    from sgdlab.training.session import Session


def config_and_data(
    document: Document, progress: "Progress | None" = None, seed: int | None = None
) -> "tuple[Config, PreparedData]":
    """The config of one run and its data, on the split of its seed or of `seed`; faults name file and line."""
    config = build_config(without_grid(document))
    with locate(document):
        return config, load(config.dataset, config.seed if seed is None else seed, progress=progress)


def new_session(document: Document, progress: "Progress | None" = None) -> "Session":
    """Everything that can be refused is refused here, before any folder exists.

    A config that describes a sweep is trained as it stands, without its grid. progress: told of a
    download as (file, bytes done, bytes in all or None).
    """
    config, data = config_and_data(document, progress)
    with locate(document):
        from sgdlab.training.resolve import resolve  # torch is loaded once config and data are right
        from sgdlab.training.session import Session

        return Session(resolve(config, data), data)


def reopen_session(folder: RunFolder, epochs: float | None = None) -> "Session":
    """A run on disk made ready to go on, on this machine; `epochs` extends its budget, refusals as in `new_session`."""
    from sgdlab.training.resolve import Resolved, resolve
    from sgdlab.training.session import Session

    config = folder.config()
    if epochs is not None:
        config = extended(config, epochs)
    data = load(config.dataset, config.seed)
    try:
        reason = str(folder.summary().get("engine_reason", ""))
    except RunFolderError:
        reason = ""
    return Session(Resolved(resolve(config, data).config, reason), data)


def extended(config: Config, epochs: float) -> Config:
    """The config with a larger budget in epochs; ConfigError where that would change the past."""
    option = f"--epochs {epochs:g}"
    if config.epochs is None:
        raise ConfigError(f"{option}: the run's budget is {config.total_budget}; start a new run")
    if not config.epochs <= epochs < math.inf:
        raise ConfigError(f"{option}: must be a number of at least the {config.epochs:g} epochs of the run")
    if config.learning_rate.needs_horizon and epochs != config.epochs:
        raise ConfigError(
            f"{option}: the {config.learning_rate.schedule} schedule depends on the number of epochs; start a new run"
        )
    return config.model_copy(update={"epochs": float(epochs)})
