"""Quantities that a config writes as text: "20000 steps", "200 examples", "val_loss=0.25"."""

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

Unit = Literal["epochs", "steps", "examples", "seconds"]
Metric = Literal["train_loss", "val_loss", "train_accuracy", "val_accuracy"]

_SHORT = {"epoch": "epochs", "step": "steps", "example": "examples", "second": "seconds", "s": "seconds"}
_AMOUNT = re.compile(r"^\s*([0-9.]+(?:[eE][+-]?\d+)?)\s*([a-z]+)\s*$")


class _Text:
    """A value that is one string in YAML and JSON and parsed once, here."""

    example: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The value written in `text`; ValueError with the remedy when it is none."""
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def read(value: Any) -> _Text:
            if isinstance(value, cls):
                return value
            if not isinstance(value, str):
                raise ValueError(f"must be text like {cls.example!r}")
            return cls.parse(value)

        return core_schema.no_info_plain_validator_function(
            read,
            serialization=core_schema.to_string_ser_schema(),
            json_schema_input_schema=core_schema.str_schema(),
        )


@dataclass(frozen=True)
class _Amount(_Text):
    amount: float
    unit: Unit
    units: ClassVar[tuple[str, ...]] = get_args(Unit)

    @classmethod
    def parse(cls, text: str) -> Self:
        match = _AMOUNT.match(text)
        unit = _SHORT.get(match[2], match[2]) if match else None
        if match is None or unit not in cls.units:
            raise ValueError(f"must be a number and one of {', '.join(cls.units)}, like {cls.example!r}")
        try:
            amount = float(match[1])
        except ValueError:
            raise ValueError(f"{match[1]!r} is not a number; write it like {cls.example!r}") from None
        if not (amount > 0 and math.isfinite(amount)):
            raise ValueError("must be above 0 and finite")
        if unit in ("steps", "examples") and amount != int(amount):
            raise ValueError(f"{unit} must be a whole number")
        return cls(amount, unit)  # type: ignore[arg-type]

    def __str__(self) -> str:
        number = int(self.amount) if self.amount == int(self.amount) else self.amount
        return f"{number} {self.unit[:-1] if number == 1 else self.unit}"


class Budget(_Amount):
    """What a run may spend: epochs, steps, examples or seconds of training."""

    example = "20000 steps"


class Period(_Amount):
    """How often something happens."""

    example = "1 epoch"


@dataclass(frozen=True)
class StopRule(_Text):
    """Stop once `metric` reaches `value`: a loss at or below it, an accuracy at or above it."""

    metric: Metric
    value: float
    example: ClassVar[str] = "val_loss=0.25"

    @classmethod
    def parse(cls, text: str) -> Self:
        name, sign, number = (part.strip() for part in text.partition("="))
        if not sign or name not in get_args(Metric):
            raise ValueError(f"must name one of {', '.join(get_args(Metric))}, like {cls.example!r}")
        try:
            value = float(number)
        except ValueError:
            raise ValueError(f"{number!r} is not a number; write it like {cls.example!r}") from None
        if not math.isfinite(value):
            raise ValueError(f"{number!r} is not finite; write it like {cls.example!r}")
        return cls(name, value)  # type: ignore[arg-type]

    def reached(self, measured: float) -> bool:
        """Whether `measured` is at least as good as the value asked for."""
        return measured <= self.value if self.metric.endswith("loss") else measured >= self.value

    def __str__(self) -> str:
        return f"{self.metric}={self.value!r}"
