"""A value as a message shows it, and remedies for a misspelt word."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any


def did_you_mean(
    word: str, choices: Iterable[str], fold: bool = False, quote: Callable[[str], str] = '"{}"'.format
) -> str:
    """`; did you mean "x"?`, or nothing where no choice is near. fold: whether upper and lower case are one."""
    same: dict[str, str] = {}
    for choice in choices:
        same.setdefault(choice.casefold() if fold else choice, choice)
    close = difflib.get_close_matches(word[:100].casefold() if fold else word[:100], same, n=1, cutoff=0.65)
    return f"; did you mean {quote(same[close[0]])}?" if close else ""


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean "x"?`, or all choices."""
    known = list(choices)
    return did_you_mean(word, known) or f"; choose one of {', '.join(known)}"


def shown(value: Any) -> str:
    """`value` as Python writes it, 60 characters of it at most."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
