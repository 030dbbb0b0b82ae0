"""sgdlab: the laboratory for minibatch SGD."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdlab.api import Run, Sweep, open_run, sweep, train

try:
    __version__ = version("sgdlab")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["Run", "Sweep", "__version__", "open_run", "sweep", "train"]


def __getattr__(name: str) -> Any:
    """The notebook API, imported on first use so that the command line starts without torch."""
    if name in __all__:
        from sgdlab import api

        return getattr(api, name)
    raise AttributeError(f"module 'sgdlab' has no attribute {name!r}")
