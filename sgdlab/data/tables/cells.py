"""What the text of a column means: numbers, missing cells, or categories."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.raw import quote

MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "<NA>", "nan", "NaN", "NAN", "-nan", "null", "NULL"})
"""Cells that count as missing, in columns of numbers and of text alike."""

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[,'\u00a0\u202f ]\d{3})+(?:\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity)", re.ASCII | re.IGNORECASE)


def number(text: str) -> float | None:
    """The number a cell holds, NaN for a missing one, None for other text; infinity is let through."""
    if text in MISSING:
        return math.nan
    return float(text) if _NUMBER.fullmatch(text) else None


def numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """A column of numbers, NaN where missing; None where any cell is neither."""
    try:
        # float() also takes 1_000 and digits of other scripts, which no CSV means as numbers
        values = np.fromiter(map(float, cells), np.float64, len(cells))
        plain = "".join(cells)
        if plain.isascii() and "_" not in plain:
            return values
    except ValueError:
        pass
    meaning: dict[str, float] = {}
    for text in set(cells):
        value = number(text)
        if value is None:
            return None
        meaning[text] = value
    return np.fromiter((meaning[text] for text in cells), np.float64, len(cells))


def meant_as_numbers(cells: Iterable[str]) -> bool:
    """Whether most of the distinct cells are numbers, however written: a text among them is a fault."""
    distinct = [text for text in set(cells) if text not in MISSING]
    near = sum(
        1
        for text in distinct
        if number(text) is not None or _THOUSANDS.fullmatch(text) or _DECIMAL_COMMA.fullmatch(text)
    )
    return 2 * near > len(distinct)


def first_text(cells: Sequence[str]) -> int:
    """Row of the first cell that is neither a number nor missing."""
    return next(row for row, text in enumerate(cells) if number(text) is None)


def not_a_number(text: str) -> str:
    """Why a cell is not a number, and what to write."""
    if _THOUSANDS.fullmatch(text):
        plain = re.sub(r"[^0-9.+-]", "", text)
        return f"{quote(text)} is not a number: leave the thousands separators out ({plain})"
    if _DECIMAL_COMMA.fullmatch(text):
        return f"{quote(text)} is not a number: write the decimal point as a point ({text.replace(',', '.')})"
    return f"{quote(text)} is not a number"


def is_missing(cells: Sequence[str]) -> NDArray[np.bool_]:
    """Mask of the missing cells."""
    if not MISSING.intersection(cells):
        return np.zeros(len(cells), bool)
    return np.fromiter((text in MISSING for text in cells), bool, len(cells))


def examples(counts: Counter[str] | Sequence[str], several: int = 3) -> str:
    """A few of the cells, for a message."""
    return ", ".join(quote(text, 20) for text in islice(counts, several))
