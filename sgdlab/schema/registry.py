"""A registry: the members that one section of a config may be, by name."""

import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, get_args

from pydantic_core import PydanticCustomError

from sgdlab.schema.nearest import nearest, shown
from sgdlab.schema.section import Section

S = TypeVar("S", bound=Section)


class Registry(Generic[S]):
    """Members are classes of config sections; the one that a mapping's `key` names reads the mapping.

    key: the key that names the member; default: the member of a mapping without it. own: what a name may be
    besides, in words; the class for it is the member whose `key` has a pattern instead of names.
    """

    def __init__(self, key: str = "name", default: str | None = None, own: str = "") -> None:
        self.key, self.default, self.own = key, default, own
        self._members: dict[str, type[S]] = {}
        self._open: tuple[re.Pattern[str], type[S]] | None = None

    def member(self, cls: type[S]) -> type[S]:
        """Register a class under the names that its `key` may have; a decorator."""
        field = cls.model_fields[self.key]
        names = get_args(field.annotation)
        if names:
            self._members |= dict.fromkeys(names, cls)
        else:
            pattern = next(part.pattern for part in field.metadata if getattr(part, "pattern", None))
            self._open = (re.compile(pattern), cls)
        return cls

    def members(self) -> Mapping[str, type[S]]:
        """Name -> class, in the order in which they were registered; without the user's own."""
        return self._members

    def classes(self) -> list[type[S]]:
        """Every class once, that of the user's own included."""
        return list(dict.fromkeys([*self._members.values(), *([self._open[1]] if self._open else [])]))

    def class_of(self, name: str) -> type[S] | None:
        """The class that a name stands for."""
        if name in self._members:
            return self._members[name]
        return self._open[1] if self._open and self._open[0].match(name) else None

    def read(self, value: Any) -> S:
        """The member that a mapping describes; a member stays what it is. Raises pydantic's errors."""
        if isinstance(value, Section):
            return value  # type: ignore[return-value]
        if not isinstance(value, dict):
            raise _fault(f"{shown(value)} must be a name or a mapping with the key {self.key}")
        name = value.get(self.key, self.default)
        if not isinstance(name, str):
            raise _fault(f"needs the key {self.key}, one of {', '.join(self._members)}")
        cls = self.class_of(name)
        if cls is None:
            own = f" (or {self.own})" if self.own else ""
            raise _fault(f"{shown(name)} is not known{nearest(name, self._members)}{own}")
        return cls.model_validate(value)


def _fault(text: str) -> PydanticCustomError:
    return PydanticCustomError("member", "{text}", {"text": text})
