"""`module:name` references to a user's own code: stored absolute, imported, resolved.

A reference is `path/file.py:name` or `package.module:name`. Importing runs that code; nothing else in
a config runs any.
"""

import hashlib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from sgdlab.errors import ConfigError
from sgdlab.schema.nearest import did_you_mean

_LOADED: dict[Path, tuple[tuple[int, int], ModuleType]] = {}
"""Files imported so far with the state they had: an edited file is imported anew."""


def load_reference(reference: str, folder: Path | None = None) -> object:
    """The object that `reference` names; files are looked for in `folder`, else the working directory.

    The folder of the file is importable for the code in it. ConfigError when file, module or name is
    missing, with the nearest one; and, raised from the user's exception so that its traceback is kept,
    when their code fails while it is imported.
    """
    module, _, name = reference.rpartition(":")
    if not module or not name:
        raise ConfigError(f'"{reference}": write it as module:name or path/file.py:name')
    folder = (folder or Path.cwd()).absolute()
    path = _file_of(module, folder)
    try:
        loaded = _import_module(module, folder) if path is None else _import_file(path)
    except ConfigError as fault:
        raise ConfigError(f'"{reference}": {fault}') from fault.__cause__
    try:
        return getattr(loaded, name)
    except AttributeError:
        raise ConfigError(f'{path or module}: has no "{name}"{did_you_mean(name, vars(loaded))}') from None


def absolute_reference(reference: str, folder: Path) -> str:
    """The reference with the absolute path of its file where `folder` holds it, else unchanged.

    A name that ends in .py becomes absolute in any case, so that it cannot mean another file later.
    """
    module, _, name = reference.rpartition(":")
    path = _file_of(module, folder.absolute())
    return reference if path is None else f"{path}:{name}"


def error_place(fault: BaseException, preferred: Path | None = None) -> str:
    """`file:line` of the innermost frame of `fault`, in the file `preferred` if it has one there."""
    if isinstance(fault, SyntaxError) and fault.filename:
        return f"{fault.filename}:{fault.lineno}"
    frames = list(traceback.extract_tb(fault.__traceback__))
    own = [frame for frame in frames if preferred is not None and frame.filename == str(preferred)]
    last = (own or frames)[-1:]
    return f"{last[0].filename}:{last[0].lineno}" if last else str(preferred or "?")


def _file_of(module: str, folder: Path) -> Path | None:
    """The file that the part before the colon means: a path, or a module that `folder` holds."""
    if module.endswith(".py"):
        return Path(os.path.normpath(folder / os.path.expanduser(module)))
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    file = folder.joinpath(*parts[:-1], f"{parts[-1]}.py")
    return file if os.path.isfile(file) else None


def _import_file(path: Path) -> ModuleType:
    """Run `path` as a module under a name of its own, once for each state of the file.

    A file in a package is imported as that package's module, so that its relative imports work.
    """
    if not os.path.isfile(path):
        beside = [other.name for other in path.parent.glob("*.py")] if os.path.isdir(path.parent) else []
        raise ConfigError(f"no file {path}{did_you_mean(path.name, beside)}")
    if os.path.isfile(path.with_name("__init__.py")):
        return _import_from_package(path)
    state = path.stat()
    stamp = (state.st_mtime_ns, state.st_size)
    if path in _LOADED and _LOADED[path][0] == stamp:
        return _LOADED[path][1]
    unique = f"sgdlab_user_{path.stem}_{hashlib.sha256(f'{path} {stamp}'.encode()).hexdigest()[:12]}"
    spec = spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file")
    module = module_from_spec(spec)
    sys.modules[unique] = module  # dataclasses and pickle look a class's module up by name
    try:
        with _importable(path.parent), _user_faults(path):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    _LOADED[path] = (stamp, module)
    return module


def _import_from_package(path: Path) -> ModuleType:
    root, parts = path.parent, [path.stem] if path.stem != "__init__" else []
    while os.path.isfile(root / "__init__.py"):
        root, parts = root.parent, [root.name, *parts]
    name = ".".join(parts)
    with _importable(root), _user_faults(path):
        module = importlib.import_module(name)
    if Path(module.__file__ or "") != path:
        raise ConfigError(f"{path}: a module {name} is imported already, from {module.__file__}; rename one")
    return module


def _import_module(name: str, folder: Path) -> ModuleType:
    """Import an installed module."""
    if name.startswith("."):
        raise ConfigError("a relative module; write the file's path or the package's full name")
    try:
        with _importable(folder), _user_faults(None):
            return importlib.import_module(name)
    except ConfigError as fault:
        missing = getattr(fault.__cause__, "name", None)
        if not isinstance(fault.__cause__, ModuleNotFoundError) or not f"{name}.".startswith(f"{missing}."):
            raise
    known = [path.stem for path in folder.glob("*.py")] + list(sys.modules)
    raise ConfigError(
        f'no module "{name}"{did_you_mean(name, known)}; looked for in {folder} and the installed packages'
    )


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """`folder` first on sys.path meanwhile, and last ever after, for what user code imports later."""
    entry = str(folder)
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if entry in sys.path:  # user code may change the path itself
            sys.path.remove(entry)
        if entry not in sys.path:
            sys.path.append(entry)


@contextmanager
def _user_faults(path: Path | None) -> Iterator[None]:
    """Turn what user code raises while it is imported into a ConfigError that keeps its traceback."""
    try:
        yield
    except (Exception, SystemExit) as fault:
        text = f"{type(fault).__name__} while importing it: {fault}"
        raise ConfigError(f"{error_place(fault, path)}: {text}") from fault
