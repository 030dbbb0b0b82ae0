"""Models, one file each. A new one: a file beside these, and its name in the import below."""

from sgdlab.schema.models import cnn, mlp, module  # noqa: F401  they register themselves
