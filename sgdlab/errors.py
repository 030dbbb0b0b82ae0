"""Exceptions of sgdlab; only the CLI turns them into exit codes.

SgdlabError
├── UserError             exit 2: the user can mend it; the message names place, value and remedy
│   ├── ConfigError       a config, an override or an option
│   ├── DataError         a data set: file, cell, label, checksum, download
│   ├── EngineError       an engine or a device asked for by name cannot run this config
│   └── RunFolderError    a run or sweep folder: absent, damaged, held by another process
└── RunFailed             exit 1: a run could not be finished
"""


class SgdlabError(Exception):
    """Anything that sgdlab itself raises on purpose."""


class UserError(SgdlabError):
    """Something the user can mend; shown as one message without a traceback."""


class ConfigError(UserError):
    """Faults in a config; `problems` holds one line for each."""

    def __init__(self, problems: str | list[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class DataError(UserError):
    """A data set that cannot be read, or whose content is not fit for the task."""


class EngineError(UserError):
    """An engine or device that cannot run what it was asked to; the message says why."""


class RunFolderError(UserError):
    """A run or sweep folder that is absent, damaged, or held by another process."""


class RunFailed(SgdlabError):
    """A run that ended without a result (not divergence, which is a result)."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python or torch says that memory did not suffice."""
    words = ("allocate memory", "out of memory", "overflow")
    named = type(error).__name__ in ("MemoryError", "_ArrayMemoryError", "OutOfMemoryError")
    return named or (isinstance(error, RuntimeError) and any(word in str(error) for word in words))
