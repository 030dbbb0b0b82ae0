"""sgdlab: the laboratory for minibatch SGD."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdlab.api import Run, Study, Sweep, extend_study, open_run, study, sweep, train

__all__ = ["Run", "Study", "Sweep", "extend_study", "open_run", "study", "sweep", "train"]


def __getattr__(name: str) -> Any:
    """The notebook API and the version, found on first use so that the command line starts at once."""
    if name in __all__:
        from sgdlab import api

        return getattr(api, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("sgdlab")
    raise AttributeError(f"module 'sgdlab' has no attribute {name!r}")
