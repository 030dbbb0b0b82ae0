"""YAML read safely, keeping for every key the line it stands on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sgdlab.errors import ConfigError, EngineError
from sgdlab.schema.nearest import did_you_mean

KeyPath = tuple[str | int, ...]
MAX_BYTES = 1 << 20
MAX_DEPTH = 16


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it was built in
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Loader(_Base):  # type: ignore[misc]
    """SafeLoader that also reads 1e-3 as a number, as YAML 1.2 does, and leaves dates as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """SafeDumper that quotes the text which _Loader would read as a number, and writes every value out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _kind_of_yaml in (_Loader, _Dumper):
    _kind_of_yaml.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
    )


@dataclass
class Document:
    """A tree of plain values, and for each key path where it was written.

    origins: key path -> "file:line" or the option that set it.
    folder: what relative paths in the file are relative to.
    """

    values: dict[str, Any]
    origins: dict[KeyPath, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path.cwd)
    name: str = "config"

    def origin(self, path: KeyPath) -> str:
        """Where `path`, or the nearest thing that contains it, was written."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return self.name


def read_document(path: Path, name: str | None = None, max_bytes: int = MAX_BYTES) -> Document:
    """The YAML mapping in `path`; ConfigError with file and line for anything else."""
    shown = name or str(path)
    try:
        if path.is_dir():
            raise ConfigError(f"{shown}: is a folder, not a config file")
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise ConfigError(f"{shown}: no such config file{_siblings(path)}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{shown}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > max_bytes:
        raise ConfigError(f"{shown}: larger than 1 MiB; a config is a page of text")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown}:{line}: not UTF-8 text; save the file as UTF-8") from None
    values, lines = _parse(text, shown)
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError(f"{shown}:1: must hold keys and values like 'batch_size: 64', not a {_kind(values)}")
    origins = {key: f"{shown}:{line}" for key, line in lines.items()}
    return Document(values, origins, path.resolve().parent, shown)


def write_values(values: dict[str, Any]) -> str:
    """YAML that `read_document` reads back as equal values."""
    return str(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def write_value(value: Any) -> str:
    """One value on one line, as `read_value` reads it back."""
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=10**9)
    return str(text).removesuffix("...\n").strip()


def read_value(text: str, name: str) -> Any:
    """One value as YAML writes it; for options on the command line, where `name` stands in messages."""
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{name}: value longer than 1 MiB")
    return _parse(text, name)[0]


def _siblings(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; the folder {path.parent} does not exist"
    others = sorted(p.name for p in path.parent.glob("*.yaml"))[:200]
    return did_you_mean(path.name, others)


def _parse(text: str, name: str) -> tuple[Any, dict[KeyPath, int]]:
    try:
        _refuse_hostile(text, name)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[KeyPath, int] = {}
            return (None if node is None else _build(loader, node, (), lines, name)), lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError(f"{place}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ConfigError(f"{name}: not valid YAML: {' '.join(str(error).split())[:300]}") from None


def _refuse_hostile(text: str, name: str) -> None:
    """Tags, anchors, aliases and deep nesting are refused before anything is built from them."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ConfigError(f"{name}:{line}: anchors (&) and aliases (*) are not read; write the value out")
        if getattr(event, "tag", None):
            raise ConfigError(f"{name}:{line}: the tag {event.tag[:60]!r} is not read; write a plain value")  # type: ignore[attr-defined]
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(f"{name}:{line}: nested deeper than {MAX_DEPTH} levels; a config needs at most 4")


def _build(loader: yaml.SafeLoader, node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], name: str) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, child, (*path, i), lines, name) for i, child in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"{name}:{line}: a key must be a word, not a {key_node.id}")
        key = str(key_node.value)
        if key in result:
            raise ConfigError(f"{name}:{line} {key}: stands twice; keep one of them")
        lines[(*path, key)] = line
        result[key] = _build(loader, value_node, (*path, key), lines, name)
    return result


def _kind(value: Any) -> str:
    return {list: "list", str: "text", bool: "truth value"}.get(type(value), "single value")


_KEY = re.compile(r"^([a-z_]+(?:\.[a-z_]+)*): ")


@contextmanager
def locate(document: Document) -> Iterator[None]:
    """Put file and line before the errors of the block that begin with a key: `model.name: ...`."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError([_placed(problem, document) for problem in error.problems]) from error.__cause__
    except EngineError as error:
        raise EngineError(_placed(str(error), document)) from error.__cause__


def _placed(problem: str, document: Document) -> str:
    key = _KEY.match(problem)
    known = key is not None and key[1].partition(".")[0] in document.values
    return f"{document.origin(tuple(key[1].split('.')))} {problem}" if key and known else problem
