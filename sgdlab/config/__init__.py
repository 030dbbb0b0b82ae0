"""Configs: from YAML and options to one frozen, validated `Config`, and back."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sgdlab.config.document import Document, locate, nearest, read_document, write_values
from sgdlab.config.faults import explain
from sgdlab.config.overrides import set_initial, set_text, set_value
from sgdlab.config.quantities import Budget, Interval, StopRule
from sgdlab.config.schema import SHORT_KEYS, Config
from sgdlab.config.shipped import find_config
from sgdlab.errors import ConfigError
from sgdlab.references import absolute_reference

__all__ = [
    "Budget",
    "Config",
    "Document",
    "Interval",
    "StopRule",
    "build_config",
    "config_to_yaml",
    "find_config",
    "json_schema",
    "load_config",
    "locate",
    "nearest",
    "portable_values",
    "read_document",
    "set_initial",
    "set_text",
    "set_value",
    "write_values",
]


def load_config(source: str | Path, overrides: Iterable[str] = ()) -> Config:
    """The config in a file or shipped under a name, with KEY=VALUE overrides applied.

    Raises ConfigError listing every fault, each with file and line, key, value and remedy.
    """
    document = find_config(str(source))
    document.values.pop("sweep", None)  # the grid is the sweep command's business
    for assignment in overrides:
        set_text(document, assignment)
    return build_config(document)


def build_config(document: Document) -> Config:
    """Validate a document; paths and references in it become absolute."""
    try:
        return Config.model_validate(portable_values(document))
    except ValidationError as error:
        raise ConfigError(explain(error, document)) from None


def portable_values(document: Document) -> dict[str, Any]:
    """The document's values with short sections as mappings and paths absolute."""
    return _absolute(_promote(document.values), document.folder)


def config_to_yaml(config: Config) -> str:
    """YAML that loads back to an equal config."""
    values = config.model_dump(mode="json")
    spared = {key: value for key, value in values.items() if value is not None}
    return write_values(_integers(spared))


def json_schema() -> dict[str, Any]:
    """JSON schema of a config file, short forms included, for editors."""
    schema = Config.model_json_schema()
    schema["title"] = "sgdlab config"
    definitions = [schema, *schema.get("$defs", {}).values()]
    for properties in (part.get("properties", {}) for part in definitions):
        for key in SHORT_KEYS.keys() & properties.keys():
            if key == "batch_size" or key == "learning_rate":
                short: dict[str, Any] = {"type": ["number", "string"] if key == "batch_size" else "number"}
            else:
                short = {"type": "string"}
            properties[key] = {"anyOf": [short, properties[key]]}
    return schema


def _promote(values: dict[str, Any]) -> dict[str, Any]:
    """Short values of sections as mappings, at any depth."""
    promoted: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            promoted[key] = value if key == "options" else _promote(value)
        elif key in SHORT_KEYS and isinstance(value, str | int | float):
            promoted[key] = {SHORT_KEYS[key]: value}
        else:
            promoted[key] = value
    return promoted


def _absolute(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative paths and module references resolved against `folder`."""
    resolved = dict(values)
    for section in ("dataset", "model"):
        part = resolved.get(section)
        if not isinstance(part, dict):
            continue
        part = dict(part)
        if isinstance(part.get("path"), str) and part["path"] and "\0" not in part["path"]:
            part["path"] = str(folder / os.path.expanduser(part["path"]))  # "~nobody/" stays as it is
        if isinstance(part.get("name"), str) and ":" in part["name"]:
            part["name"] = absolute_reference(part["name"], folder)
        resolved[section] = part
    return resolved


def _integers(value: Any) -> Any:
    """Whole floats in plain form: 50 and not 50.0."""
    if isinstance(value, dict):  # what a user's own function or class gets keeps its type
        return {key: inner if key == "options" else _integers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_integers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
