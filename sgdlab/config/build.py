"""From a document to one frozen, validated `Config`, and back."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import models_json_schema

from sgdlab.config.document import Document, write_values
from sgdlab.config.faults import explain
from sgdlab.config.overrides import set_key, set_text
from sgdlab.config.root import REGISTRIES, SHORT_KEYS, Config
from sgdlab.config.shipped import find_config
from sgdlab.errors import ConfigError
from sgdlab.schema.references import absolute_reference

ConfigSource = str | Path | Mapping[str, Any]
"""A config file, the name of a shipped config, or a mapping."""

GRID = "sweep"
"""The key under which a config may carry the grid of a sweep."""

_SHORT_FORMS = {"batch_size": {"type": ["number", "string"]}, "learning_rate": {"type": "number"}}


def document_of(source: ConfigSource, overrides: Iterable[str] = (), **options: Any) -> Document:
    """A config file, shipped name or mapping, with KEY=VALUE overrides and options applied.

    options: config keys with dots as double underscores; None leaves the config's value. A batch
    size or learning rate sets the initial one and keeps its schedule.
    """
    document = Document(plain(source)) if isinstance(source, Mapping) else find_config(str(source))
    for assignment in overrides:
        set_text(document, assignment)
    for key, value in options.items():
        if value is not None:
            set_key(document, key.replace("__", "."), plain(value), f"--{key.replace('_', '-')} {value}")
    return document


def plain(value: Any) -> Any:
    """A copy of `value` as YAML could have given it: numpy's numbers as Python's, paths as text."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if getattr(value, "shape", None) == () else value


def without_grid(document: Document) -> Document:
    """The document as one run's config: without its key `sweep`."""
    return replace(document, values={key: value for key, value in document.values.items() if key != GRID})


def load_config(source: str | Path, overrides: Iterable[str] = ()) -> Config:
    """The config in a file or shipped under a name, with KEY=VALUE overrides applied.

    Raises ConfigError listing every fault, each with file and line, key, value and remedy.
    """
    return build_config(without_grid(document_of(str(source), overrides)))


def build_config(document: Document) -> Config:
    """Validate a document; paths and references in it become absolute."""
    values = portable_values(document)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, values, document)) from None


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
    classes = [(cls, "validation") for registry in REGISTRIES.values() for cls in registry.classes()]
    references, members = models_json_schema(classes)  # type: ignore[arg-type]
    definitions = schema["$defs"] = schema.get("$defs", {}) | members["$defs"]
    for part in [schema, *definitions.values()]:
        for key in SHORT_KEYS.keys() & part.get("properties", {}).keys():
            kinds = [references[cls, "validation"] for cls in REGISTRIES[key].classes()] if key in REGISTRIES else []
            long = kinds or [{"$ref": "#/$defs/BatchSize"}]
            about = {"description": part["properties"][key].get("description", "")}
            part["properties"][key] = {"anyOf": [_SHORT_FORMS.get(key, {"type": "string"}), *long]} | about
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


def flat_keys(config: Config) -> dict[str, Any]:
    """Every key of a config in dotted form, with its value."""

    def flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for key, value in values.items():
            if isinstance(value, dict):
                yield from flat(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", value

    return dict(flat(config.model_dump(mode="json"), ""))


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The keys whose values differ, those of `before` first; a key that is missing counts as None."""
    return [key for key in {**before, **now} if before.get(key) != now.get(key)]
