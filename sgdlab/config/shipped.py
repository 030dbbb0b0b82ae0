"""The configs that travel with sgdlab, by name: parr/minibatch-8, d2l/gd, default."""

import os
from pathlib import Path

from sgdlab.config.document import Document, read_document
from sgdlab.errors import ConfigError
from sgdlab.schema.nearest import nearest

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_folder() -> Path:
    """The folder of shipped configs: inside an installed package, or beside it in a source tree."""
    inside = _PACKAGE / "configs"
    return inside if inside.is_dir() else _PACKAGE.parent / "configs"


def shipped_names() -> list[str]:
    """Names that CONFIG understands, sorted."""
    folder = shipped_folder()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def find_config(source: str) -> Document:
    """The document of a file, or of a shipped config by name (with or without configs/ and .yaml)."""
    if "\0" in source:
        raise ConfigError("CONFIG: a file name cannot hold a NUL character")
    path = Path(os.path.expanduser(source))
    name = source.removeprefix("configs/").removesuffix(".yaml")
    names = shipped_names()
    try:
        if path.exists() and not (path.is_dir() and name in names):
            return read_document(path, source)
    except OSError as error:
        raise ConfigError(f"{source[:80]}: cannot be read: {error.strerror}") from None
    if name in names:
        shipped = shipped_folder() / f"{name}.yaml"
        document = read_document(shipped, f"configs/{name}.yaml")
        document.folder = Path.cwd()
        return document
    if "/" in source or source.endswith((".yaml", ".yml")):
        return read_document(path, source)
    raise ConfigError(f"{source[:80]}: neither a config file nor a shipped config{nearest(name, names)}")


def described() -> dict[str, str]:
    """Name of each shipped config -> the first line of its comment."""
    texts = {name: (shipped_folder() / f"{name}.yaml").read_text() for name in shipped_names()}
    return {name: text.partition("\n")[0].removeprefix("#").strip() for name, text in texts.items()}
