"""Figures drawn in a process of their own, which loads matplotlib while the main one loads torch."""

import multiprocessing
import signal
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

DrawFolder = Callable[[Path], Any]
"""Draws the figures of a folder; a function of a module, which can be sent to another process."""


class FigureProcess:
    """Draws on request; begun before torch is loaded, it costs no time of its own on two cores.

    Only where a process can be forked cheaply; elsewhere, and if the process dies, it draws in place.
    """

    def __init__(self) -> None:
        self._channel: Connection | None = None

    def __enter__(self) -> Self:
        if sys.platform == "linux" and "torch" not in sys.modules:  # a fork of many threads is unsafe
            context = multiprocessing.get_context("fork")
            self._channel, theirs = context.Pipe()
            self._process = context.Process(target=_draw_until_told, args=(theirs, self._channel), daemon=True)
            self._process.start()
            theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        if self._channel is not None:
            self._process.kill()
            self._process.join()
            self._channel.close()

    def draw(self, draw_folder: DrawFolder, path: Path) -> Callable[[], Any]:
        """Begin `draw_folder(path)`; call what is returned to wait for its end, and to hear what it raised."""
        if self._channel is None:
            return partial(draw_folder, path)
        try:
            self._channel.send((draw_folder, path))
        except OSError:  # it was killed
            return partial(draw_folder, path)
        return partial(self._wait, draw_folder, path)

    def _wait(self, draw_folder: DrawFolder, path: Path) -> None:
        assert self._channel is not None
        try:
            error = self._channel.recv()
        except (EOFError, ConnectionResetError):  # it was killed
            draw_folder(path)
        else:
            if error is not None:
                raise error


def _draw_until_told(channel: Connection, parents: Connection) -> None:
    """The process: load what drawing needs, then draw. Ctrl-C is the main process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parents.close()  # else the channel would not break when the main process is killed
    import pandas  # noqa: F401

    while True:
        try:
            draw_folder, path = channel.recv()
        except EOFError:
            return
        try:
            draw_folder(path)
        except Exception as error:
            channel.send(error)
        else:
            channel.send(None)
