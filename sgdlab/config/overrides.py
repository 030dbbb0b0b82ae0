"""Options that change a document: --set, --learning-rate and the like, applied before validation."""

from collections.abc import Mapping
from typing import Any

from sgdlab.config.document import Document, read_value
from sgdlab.config.root import SHORT_KEYS, Config
from sgdlab.errors import ConfigError

INITIAL_KEYS = ("batch_size", "learning_rate")
"""Sections of which an option sets the initial value and keeps the schedule."""


def split_assignment(text: str, option: str) -> tuple[str, str]:
    """KEY and VALUE of 'KEY=VALUE'; ConfigError names the option otherwise."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise ConfigError(f'{option} "{text[:80]}": must be KEY=VALUE, as in {option} learning_rate=0.01')
    return key.strip(), value


def set_text(document: Document, assignment: str, option: str = "--set") -> None:
    """Apply 'KEY=VALUE', the value read as YAML."""
    key, text = split_assignment(assignment, option)
    set_value(document, key, read_value(text, f"{option} {key}"), f"{option} {key}={text[:60]}")


def set_value(document: Document, key: str, value: Any, origin: str) -> None:
    """Put `value` at the dotted `key`.

    A short section on the way is promoted to its mapping, an absent one to the default's name; epochs and
    budget replace each other.
    """
    path = tuple(key.split("."))
    if not all(path):
        raise ConfigError(f'{origin}: "{key[:80]}" is no key; write it like dataset.limit')
    place = document.values
    for depth, part in enumerate(path[:-1], 1):
        inner = place.get(part)
        if not isinstance(inner, dict):
            short = SHORT_KEYS.get(part)
            if short is None and inner is not None:
                raise ConfigError(f'{origin}: {part} is a single value; it has no key "{path[-1]}"')
            if inner is None:
                inner = _default_name(part) if depth == 1 else {}
                document.origins[path[:depth]] = origin
            else:
                inner = {short: inner}
            place[part] = inner
        place = inner
    place[path[-1]] = value
    if key in ("epochs", "budget") and value is not None:
        document.values.pop("budget" if key == "epochs" else "epochs", None)
    for known in [p for p in document.origins if p[: len(path)] == path]:
        del document.origins[known]
    document.origins[path] = origin


def _default_name(section: str) -> dict[str, Any]:
    """{name: ...} of the default of a section that has names, else nothing."""
    field = Config.model_fields.get(section)
    name = getattr(field.get_default(call_default_factory=True), "name", None) if field else None
    return {} if name is None else {"name": name}


def set_key(document: Document, key: str, value: Any, origin: str) -> None:
    """As `set_value`; a number given for batch_size or learning_rate is the initial one and keeps its schedule."""
    initial = key in INITIAL_KEYS and not isinstance(value, Mapping)
    set_value(document, f"{key}.initial" if initial else key, value, origin)
