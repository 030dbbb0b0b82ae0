"""Configs: from YAML and options to one frozen, validated `Config`, and back."""

from sgdlab.config.build import (
    ConfigSource,
    build_config,
    config_to_yaml,
    differing,
    document_of,
    flat_keys,
    json_schema,
    load_config,
    plain,
    portable_values,
    without_grid,
)
from sgdlab.config.document import Document, locate, read_document, write_values
from sgdlab.config.overrides import set_key, set_text, set_value
from sgdlab.config.root import Config
from sgdlab.config.shipped import find_config
from sgdlab.schema.quantities import Budget, Period, StopRule

__all__ = [
    "Budget",
    "Config",
    "ConfigSource",
    "Document",
    "Period",
    "StopRule",
    "build_config",
    "config_to_yaml",
    "differing",
    "document_of",
    "find_config",
    "flat_keys",
    "json_schema",
    "load_config",
    "locate",
    "plain",
    "portable_values",
    "read_document",
    "set_key",
    "set_text",
    "set_value",
    "without_grid",
    "write_values",
]
