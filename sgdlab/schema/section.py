"""What every section of a config is: frozen, strict, without unknown keys."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Base of every section: immutable, strict about types, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def count_or(word: str, most: int | None = None) -> BeforeValidator:
    """A key that takes a whole number from 1 on (to `most`), or one word: one message for both."""
    bounds = "a whole number above 0" if most is None else f"a whole number from 1 to {most:,}"

    def checked(value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= (most or value)
        if not whole and value != word:
            raise ValueError(f"must be {bounds}, or {word}")
        return value

    return BeforeValidator(checked)
