"""The sections of a config: each member says its name, its keys, its help and how it is built, in one file."""
