"""Validation errors in the user's terms: place, key, value, remedy, one line each."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sgdlab.config.document import Document, KeyPath, nearest
from sgdlab.config.schema import MEMBERS, Config

_TAGS = {tag for members in MEMBERS.values() for tag in members.values()} | {"own"}
_INITS = ("torch", "normal")
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


def explain(error: ValidationError, document: Document) -> list[str]:
    """One line for each fault, in the order of the file; faults of one place are told once."""
    messages: dict[KeyPath, str] = {}
    for fault in error.errors(include_url=False):
        path = _key_path(fault["loc"], fault["type"])
        if path not in messages:
            messages[path] = _message(fault, path)
        elif fault["type"] == "literal_error":  # "a number or a word": pydantic faults both
            messages[path] += f", or {fault['ctx']['expected'].strip(chr(39))}"
    lines = []
    for path, message in messages.items():
        key = ".".join(str(part) for part in path)
        place = document.origin(path)
        lines.append(f"{place} {key}: {message}" if key else f"{place}: {message}")
    return lines


def _key_path(loc: tuple[str | int, ...], kind: str) -> KeyPath:
    """The path as the user writes it, without the union tags that pydantic puts in."""
    path = [part for i, part in enumerate(loc) if not (i == 1 and loc[0] in MEMBERS and part in _TAGS)]
    if "init" in path[:-1] and path[path.index("init") + 1] in _INITS:
        del path[path.index("init") + 1]
    last = str(path[-1]) if len(path) > 1 and kind != "extra_forbidden" else ""
    if last in ("int", "float", "constrained-int", "constrained-float") or last.startswith("literal["):
        del path[-1]  # the member of "a number or a word" that was tried
    return tuple(path)


def _message(fault: Any, path: KeyPath) -> str:
    kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "union_tag_not_found":
        return _unknown_name(path, value)
    if kind == "union_tag_invalid":
        return f"{_shown(value)}: unknown name; choose one of {context.get('expected_tags')}"
    if kind == "extra_forbidden":
        return f"unknown key{nearest(str(path[-1]), _siblings(fault['loc']))}"
    if kind == "missing":
        return "is missing; add it"
    if kind == "literal_error":
        choices = [word.strip("' ") for word in context["expected"].replace(" or ", ", ").split(", ")]
        return f"{_shown(value)} is not known{nearest(str(value), choices)}"
    if kind == "value_error":
        whole = isinstance(value, dict | BaseModel) or path == ()
        return str(context["error"]) if whole else f"{_shown(value)}: {context['error']}"
    if kind == "string_pattern_mismatch" and path == ("device",):
        return f"{_shown(value)} is not known; choose one of auto, cpu, cuda, cuda:1, mps"
    if kind in _EXPECTED:
        return f"{_shown(value)} {_EXPECTED[kind]}"
    return f"{_shown(value)}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _unknown_name(path: KeyPath, value: Any) -> str:
    section = str(path[-1])
    key = "schedule" if section == "learning_rate" else "name"
    if not isinstance(value, dict):
        return f"{_shown(value)} must be a name or a mapping with the key {key}"
    if not isinstance(value.get(key), str):
        return f"needs the key {key}, one of {', '.join(MEMBERS.get(section, _INITS))}"
    own = {"dataset": "module:function", "model": "module:Class", "optimizer": "a class of torch.optim"}.get(section)
    return f"{_shown(value[key])} is not known{nearest(value[key], MEMBERS[section])}" + (f" (or {own})" if own else "")


def _siblings(loc: tuple[str | int, ...]) -> list[str]:
    """The keys known where an unknown key stands."""
    model: type[BaseModel] = Config
    for part in loc[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            members = _models(annotation)
            tag = loc[loc.index(part) + 1] if len(members) > 1 else None
            model = next((m for m in members if _carries(m, str(part), tag)), members[0] if members else model)
    return list(model.model_fields)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def _carries(model: type[BaseModel], section: str, tag: Any) -> bool:
    """Whether `model` is the member that `tag` stands for."""
    field = model.model_fields.get("schedule" if section == "learning_rate" else "name")
    names = get_args(field.annotation) if field else ()
    return any(name == tag or MEMBERS.get(section, {}).get(name) == tag for name in names) or (
        not names and tag == "own"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
