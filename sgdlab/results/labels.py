"""How settings and losses are called for people: `batch 8, rate 0.1`, `Batch size 8`, `cross-entropy (nats)`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sgdlab.analysis.wording import MISSING
from sgdlab.sweeps.plan import without_seed

LOSSES = {
    "cross_entropy": "cross-entropy (nats)",
    "mse": "mean squared error",
    "half_mse": "half the squared error",
}
_WORDS = {"batch_size": "batch size", "learning_rate": "learning rate"}
_SHORT_WORDS = {"batch_size": "batch", "learning_rate": "rate", "optimizer": "", "model": ""}
MOST_VALUES = 12


def setting_label(setting: Mapping[str, Any]) -> str:
    """`batch 8, rate 0.1`, short enough for a legend; the seed is left out."""
    return ", ".join(_named(setting, _SHORT_WORDS)) or "all seeds"


def setting_headline(setting: Mapping[str, Any]) -> str:
    """`Batch size 8, learning rate 0.1`; a key of the config without a word of its own stays as it is written."""
    words = ", ".join(_named(setting, _WORDS)) or "the one setting"
    as_written = next(iter(without_seed(setting)), "seed") not in (*_WORDS, "seed")
    return words if as_written else words[:1].upper() + words[1:]


def axis_in_words(key: str, values: Sequence[Any]) -> str:
    """`batch size 8, 64, 256`: what was tried of one key."""
    shown, rest = ", ".join(map(str, values[:MOST_VALUES])), len(values) - MOST_VALUES
    return f"{_WORDS.get(key, key)} {shown}" + (f" and {rest} more" if rest > 0 else "")


def _named(setting: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    """Each key in words with its value; a mapping key by key."""
    for key, value in without_seed(setting).items():
        if isinstance(value, Mapping):
            yield from _named({f"{key}.{inner}": deeper for inner, deeper in value.items()}, words)
            continue
        key = key.removesuffix(".initial").removesuffix(".name")
        value = int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e9 else value
        yield f"{words.get(key, key)} {MISSING if value is None else value}".strip()
