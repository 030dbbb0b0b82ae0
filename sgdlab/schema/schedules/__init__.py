"""Learning-rate schedules. A new one: a file beside these, and its name in the import below."""

from sgdlab.schema.schedules import constant, cosine, falling  # noqa: F401  they register themselves
