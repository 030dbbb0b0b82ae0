"""Stopping on request: the first SIGINT, SIGTERM or SIGHUP asks, the second one ends at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class StopRequest:
    """Set by a signal or by a caller; whoever works asks for it between two segments."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def stop_on_signals(given: StopRequest | None = None) -> Iterator[StopRequest]:
    """While the block runs, a first signal sets the request, a second raises KeyboardInterrupt.

    given: the request of a caller that listens itself; then signals are left alone.

    In a thread other than the main one, where Python delivers no signals, the request stays unset. A
    SIGHUP that is ignored, as under nohup, stays ignored.
    """
    if given is not None:
        yield given
        return
    request = StopRequest()

    def hear(number: int, frame: FrameType | None) -> None:
        if request.requested:
            raise KeyboardInterrupt
        request.requested = True

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    nohup = [number for number in SIGNALS[2:] if signal.getsignal(number) == signal.SIG_IGN]
    before = {number: signal.signal(number, hear) for number in SIGNALS if number not in nohup}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
