"""Validation errors in the user's terms: place, key, value, remedy, one line each."""

from typing import Any

from pydantic import BaseModel, ValidationError

from sgdlab.config.document import Document, KeyPath
from sgdlab.config.root import REGISTRIES, Config
from sgdlab.schema.nearest import nearest, shown

_EXPECTED = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "tuple_type": "must be a list",
    "finite_number": "must be a finite number",
}


def explain(error: ValidationError, values: dict[str, Any], document: Document) -> list[str]:
    """One line for each fault, in the order of the file. values: what was validated."""
    lines = []
    for fault in error.errors(include_url=False):
        path, message = fault["loc"], _message(fault, values)
        key, place = ".".join(map(str, path)), document.origin(path)
        lines.append(f"{place} {key}: {message}" if key else f"{place}: {message}")
    return lines


def _message(fault: Any, values: dict[str, Any]) -> str:
    kind, value, path, context = fault["type"], fault["input"], fault["loc"], fault.get("ctx", {})
    if kind == "member":
        return str(fault["msg"])
    if kind == "extra_forbidden":
        return f"unknown key{nearest(str(path[-1]), known_keys(values, path[:-1]))}"
    if kind == "missing":
        return "is missing; add it"
    if kind == "literal_error":
        choices = [word.strip("' ") for word in context["expected"].replace(" or ", ", ").split(", ")]
        return f"{shown(value)} is not known{nearest(str(value), choices)}"
    if kind == "value_error":
        whole = isinstance(value, dict | BaseModel) or path == ()
        return str(context["error"]) if whole else f"{shown(value)}: {context['error']}"
    if kind == "string_pattern_mismatch" and path == ("device",):
        return f"{shown(value)} is not known; choose one of auto, cpu, cuda, cuda:1, mps"
    if kind in _EXPECTED:
        return f"{shown(value)} {_EXPECTED[kind]}"
    return f"{shown(value)}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def known_keys(values: Any, path: KeyPath) -> list[str]:
    """The keys that may stand in the section at `path`, which a member's own name decides."""
    model: type[BaseModel] = Config
    for part in path:
        values = values[part]
        if part in REGISTRIES:
            registry = REGISTRIES[str(part)]
            model = registry.class_of(values.get(registry.key, registry.default)) or model
        else:
            annotation = model.model_fields[str(part)].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else model
    return list(model.model_fields)
