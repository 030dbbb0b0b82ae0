"""Carrying out a sweep: worker processes take runs from the manifest, longest first."""

import multiprocessing
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection as channels
from multiprocessing.connection import Connection
from typing import Any

from sgdlab.runs.names import LOG, RUNS
from sgdlab.sweeps.manifest import Entry, Manifest, status_of
from sgdlab.sweeps.watch import Watcher
from sgdlab.sweeps.worker import Order, Report, work
from sgdlab.training.signals import StopRequest

Observe = Callable[[Entry, Report | None], None]

POLL_SECONDS = 0.1


@dataclass
class _Worker:
    """A process, the channel to it, and the run that it has in hand."""

    process: Any
    channel: Connection
    entry: Entry | None = None

    def threads(self) -> int:
        """Threads in use."""
        return int(self.entry.resolved["threads"]) if self.entry else 0


def execute(
    manifest: Manifest,
    todo: list[Entry],
    jobs: int,
    cores: int,
    watcher: Watcher,
    stop: StopRequest,
) -> None:
    """Carry out the runs of `todo` in that order, at most `jobs` at once and `cores` threads in all.

    stop: ends all runs early, each with a checkpoint. A worker that dies marks its run failed, and the
    others go on.
    """
    context = multiprocessing.get_context(_start_method(todo))
    flag = context.Value("b", 0, lock=False)
    waiting: list[Entry] = list(todo)
    workers: list[_Worker] = []
    (manifest.path / RUNS).mkdir(exist_ok=True)
    try:
        while waiting or any(worker.entry for worker in workers):
            if stop.requested:
                flag.value, waiting = 1, []
            while (
                waiting and (worker := _free_worker(workers, jobs, context, flag)) and _fits(waiting[0], workers, cores)
            ):
                if not _hand_out(manifest, waiting[0], worker, watcher.observe):
                    break  # it has just died; it is buried below, and the run waits for another one
                del waiting[0]
            for worker in _ready(workers):
                if not _listen(manifest, worker, watcher.observe):
                    workers.remove(worker)
            manifest.write_soon()
            watcher.tick()
    finally:
        _dismiss(workers)
        for entry in (entry for entry in todo if entry.status == "running"):
            entry.status = status_of(manifest.folder(entry))
        manifest.write()


def _dismiss(workers: list[_Worker]) -> None:
    """Send idle workers home; end those that are still at work, because something broke off the sweep."""
    for worker in workers:
        if worker.entry is None:
            with suppress(OSError):
                worker.channel.send(None)
        else:
            worker.process.kill()
    for worker in workers:
        worker.process.join()
        worker.channel.close()


def _start_method(todo: list[Entry]) -> str:
    """fork where it is safe: it shares what is loaded. CUDA and macOS need processes of their own."""
    on_cpu = all(entry.resolved["device"] == "cpu" for entry in todo)
    return "fork" if sys.platform == "linux" and on_cpu else "spawn"


def _free_worker(workers: list[_Worker], jobs: int, context: Any, flag: Any) -> _Worker | None:
    """A worker without a run; a new one while there are fewer than `jobs`."""
    free = next((worker for worker in workers if worker.entry is None), None)
    if free is None and len(workers) < jobs:
        ours, theirs = context.Pipe()
        forked = context.get_start_method() == "fork"
        inherited = [ours, *(worker.channel for worker in workers)] if forked else []
        process = context.Process(target=work, args=(theirs, flag, inherited), daemon=True)
        process.start()
        theirs.close()
        free = _Worker(process, ours)
        workers.append(free)
    return free


def _fits(entry: Entry, workers: list[_Worker], cores: int) -> bool:
    """Whether the run's threads find cores; a run alone always may."""
    used = sum(worker.threads() for worker in workers)
    return used == 0 or used + int(entry.resolved["threads"]) <= cores


def _hand_out(manifest: Manifest, entry: Entry, worker: _Worker, observe: Observe) -> bool:
    """Give a run to a worker; False where the worker is dead."""
    order = Order(entry.name, manifest.config(entry), entry.engine_reason, manifest.folder(entry).path)
    try:
        worker.channel.send(order)
    except OSError:
        return False
    entry.status, worker.entry = "running", entry
    observe(entry, None)
    return True


def _ready(workers: list[_Worker]) -> list[_Worker]:
    """Workers that have something to say, or have died; waits a moment for one."""
    handles: dict[Any, _Worker] = {}
    for worker in workers:
        handles |= {worker.channel: worker, worker.process.sentinel: worker}
    heard = channels.wait(list(handles), POLL_SECONDS)
    return list({id(handles[h]): handles[h] for h in heard}.values())


def _listen(manifest: Manifest, worker: _Worker, observe: Observe) -> bool:
    """Take all that a worker has to say; bury it when it has died. Whether it lives."""
    try:
        while worker.channel.poll():
            _note(worker, worker.channel.recv(), observe)
        alive = bool(worker.process.is_alive())
    except (EOFError, OSError):
        alive = False
    if not alive:
        _bury(manifest, worker, observe)
    return alive


def _note(worker: _Worker, report: Report, observe: Observe) -> None:
    entry = worker.entry
    assert entry is not None and entry.name == report.name
    if report.summary is not None or report.failure is not None:
        entry.status = "failed" if report.failure else str((report.summary or {})["status"])
        worker.entry = None
    observe(entry, report)


def _bury(manifest: Manifest, worker: _Worker, observe: Observe) -> None:
    """A worker that was killed or ran out of memory: its run has failed, and says so."""
    worker.process.join()
    entry = worker.entry
    if entry is not None:
        code = worker.process.exitcode
        reason = f"its process was killed by signal {-code}" if code < 0 else f"its process ended with code {code}"
        reason += " (out of memory?)" if code == -9 else ""
        manifest.folder(entry).note_failure(reason, f"{reason}\n")
        entry.status, worker.entry = "failed", None
        observe(entry, Report(entry.name, 0, None, None, failure=f"{reason}; see {LOG}"))
    worker.channel.close()
