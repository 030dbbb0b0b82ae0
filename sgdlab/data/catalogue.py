"""The data sources by name: what there is, and fetching what is not here yet."""

from pathlib import Path
from typing import TYPE_CHECKING

import sgdlab.data.sources  # noqa: F401  they register themselves
from sgdlab.errors import DataError
from sgdlab.schema.dataset import SOURCES, SourceFacts
from sgdlab.schema.nearest import nearest

if TYPE_CHECKING:
    from sgdlab.data.download import Progress


def source_facts() -> dict[str, SourceFacts]:
    """Name -> what is known of each source, for `sgdlab data list`."""
    known = [pair for cls in SOURCES.classes() for pair in cls.facts.items()]
    return dict(sorted(known, key=lambda pair: (pair[1].rows is None, pair[1].origin != "embedded")))


def fetch(name: str, progress: "Progress | None" = None) -> tuple[Path, ...]:
    """Download the files of a source, unless they are here already; their paths, none if embedded.

    DataError for an unknown name, and for a download that fails from every mirror.
    """
    from sgdlab.data.download import local_file

    cls = SOURCES.class_of(name)
    if cls is None:
        raise DataError(f"{name}: no such data set{nearest(name, SOURCES.members())}")
    facts = cls.facts.get(name)
    if facts is None or facts.rows is None:
        raise DataError(f"{name}: is read from your own files; there is nothing to download")
    return tuple(local_file(remote, progress) for remote in cls.remote_files(name))
