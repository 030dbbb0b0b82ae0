"""The keys of a config as a table, read off its JSON schema: dotted key, type, default, meaning."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sgdlab.config.build import build_config, flat_keys, json_schema
from sgdlab.config.document import Document
from sgdlab.config.root import SHORT_KEYS

Schema = dict[str, Any]
Row = tuple[str, str, str, str]
TYPES = {"integer": "whole number", "string": "text", "boolean": "true | false", "object": "mapping", "array": "list"}


def key_table() -> list[Row]:
    """A row (key, type, default, meaning) for each key, in the schema's order.

    The row of a section is that of its short form. A key that not every member of its section has says which do.
    """
    schema = json_schema()
    filled_in = flat_keys(build_config(Document({"epochs": 1}))) | {"epochs": None}
    return [
        (key, kind, default or _text(filled_in.get(key, filled_in.get(f"{key}.{SHORT_KEYS.get(key)}"))), meaning)
        for key, kind, default, meaning in _rows("", [schema], schema["$defs"], "")
    ]


def _rows(section: str, members: Sequence[Schema], definitions: Schema, section_meaning: str) -> Iterator[Row]:
    """The rows of a section with one or several members, each an object's schema; those of inner sections too.

    The key that chooses the member means what the section does, unless it says more.
    """
    short = SHORT_KEYS.get(section.rpartition(".")[2])
    names = dict.fromkeys(name for member in members for name in member["properties"])
    for name in sorted(names, key=lambda name: name != short):
        having = [member for member in members if name in member["properties"]]
        found = [member["properties"][name] for member in having]
        leaves = [leaf for each in found for leaf in _leaves(each, definitions)]
        path = f"{section}.{name}".removeprefix(".")
        inner = {leaf["title"]: leaf for leaf in leaves if "properties" in leaf}
        meaning = "; ".join(dict.fromkeys(each["description"] for each in found if "description" in each))
        if inner:
            yield from _rows(path, list(inner.values()), definitions, meaning)
            continue
        meaning = meaning or section_meaning
        if len(having) < len(members):
            meaning = f"{meaning} ({', '.join(_names(having))})".strip()
        kinds, defaults = map(_kind, leaves), (_text(each["default"]) for each in found if "default" in each)
        yield section if name == short else path, _choice(kinds), _choice(defaults), meaning


def _leaves(schema: Schema, definitions: Schema) -> list[Schema]:
    """The alternatives of a schema, references followed."""
    if "$ref" in schema:
        return _leaves(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    parts = schema.get("anyOf", schema.get("oneOf"))
    return [schema] if parts is None else [leaf for part in parts for leaf in _leaves(part, definitions)]


def _kind(leaf: Schema) -> str:
    """A type in words, or what can be chosen."""
    choices = leaf.get("enum", [leaf["const"]] if "const" in leaf else None)
    name = str(leaf.get("type", "any"))
    return _choice(map(str, choices)) if choices else TYPES.get(name, name)


def _names(members: Sequence[Schema]) -> list[str]:
    """The names by which members are chosen; of the user's own, that they are."""
    chosen = (member["properties"].get("schedule", member["properties"].get("name", {})) for member in members)
    return [str(name) for each in chosen for name in each.get("enum", [each.get("const", "your own")])]


def _choice(texts: Any) -> str:
    return " | ".join(dict.fromkeys(texts))


def _text(value: Any) -> str:
    """A value as YAML takes it; nothing for null."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
