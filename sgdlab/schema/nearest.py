"""Remedies for a misspelt word."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing where no choice is near."""
    close = difflib.get_close_matches(word[:100], list(choices), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean "x"?`, or all choices."""
    known = list(choices)
    return did_you_mean(word, known) or f"; choose one of {', '.join(known)}"
