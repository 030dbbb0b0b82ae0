"""Optimisers, one file each. A new one: a file beside these, and its name in the import below."""

from sgdlab.schema.optimizers import adagrad, adam, rmsprop, sgd, torch_class  # noqa: F401  they register themselves
