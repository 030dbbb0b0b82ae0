"""Downloads as they go: a bar for each file on a terminal, a line elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sgdlab.cli.console import console


class Downloads:
    """Told of downloads: a bar for each file, or a line where nobody watches. Nothing without downloads."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

    def __call__(self, file: str, done: int, total: int | None) -> None:
        if file not in self.tasks:
            self.tasks[file] = self._begin(file, total)
        if self.bar is not None:
            self.bar.update(self.tasks[file], completed=done, total=total)

    def _begin(self, file: str, total: int | None) -> Any:
        if not console(stderr=True).is_terminal:
            return console(stderr=True).print(f"downloading {file}", markup=False)
        if self.bar is None:
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
            self.bar = Progress(*columns, console=console(stderr=True), transient=True)
            self.bar.start()
        return self.bar.add_task(f"downloading {file}", total=total)


@contextmanager
def downloading() -> Iterator[Downloads]:
    """What to tell of downloads during the block."""
    downloads = Downloads()
    try:
        yield downloads
    finally:
        if downloads.bar is not None:
            downloads.bar.stop()
