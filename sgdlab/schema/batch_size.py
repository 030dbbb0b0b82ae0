"""The batch size of a config: a number or `full`, and how it grows."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sgdlab.schema.section import Count, Section, count_or


class BatchSize(Section):
    """Examples per update; multiplied by `factor` every `every` epochs where growth is wanted."""

    initial: Annotated[Count | Literal["full"], count_or("full")] = Field(
        64, description="examples per update of the first epoch, or full"
    )
    every: Count | None = Field(None, description="epochs between two growths")
    factor: Annotated[int, Field(ge=2)] = Field(2, description="what the batch size is multiplied by")
    maximum: Count | None = Field(None, description="largest batch size that growth reaches")

    @model_validator(mode="after")
    def _full_cannot_grow(self) -> "BatchSize":
        if self.initial == "full" and self.every is not None:
            raise ValueError("a full batch cannot grow; give a number as batch_size.initial or drop every")
        return self
