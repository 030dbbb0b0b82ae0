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
from sgdlab.sweeps.worker import Assignment, RunProgress, work
from sgdlab.training.signals import StopRequest

Observe = Callable[[Entry, RunProgress | None], None]

POLL_SECONDS = 0.1


def execute(manifest: Manifest, todo: list[Entry], jobs: int, cores: int, watcher: Watcher, stop: StopRequest) -> None:
    """Carry out the runs of `todo` in that order, at most `jobs` at once and `cores` threads in all.

    stop: ends all runs early, each with a checkpoint. A worker that dies marks its run failed, and the
    others go on.
    """
    pool = _WorkerPool(manifest, jobs, cores, _start_method(todo), watcher.observe)
    waiting = list(todo)
    (manifest.path / RUNS).mkdir(exist_ok=True)
    try:
        while waiting or pool.is_busy():
            if stop.requested:
                pool.stop_runs()
                waiting = []
            while waiting and pool.begin(waiting[0]):
                del waiting[0]
            pool.hear_workers()
            manifest.write_soon()
            watcher.tick()
    finally:
        pool.end_workers()
        for entry in (entry for entry in todo if entry.status == "running"):
            entry.status = status_of(manifest.folder(entry))
        manifest.write()


def _start_method(todo: list[Entry]) -> str:
    """fork where it is safe: it shares what is loaded. CUDA and macOS need processes of their own."""
    on_cpu = all(entry.resolved["device"] == "cpu" for entry in todo)
    return "fork" if sys.platform == "linux" and on_cpu else "spawn"


@dataclass
class _Worker:
    """A process, the channel to it, and the run that it has in hand."""

    process: Any
    channel: Connection
    entry: Entry | None = None

    def threads(self) -> int:
        """Threads in use."""
        return int(self.entry.resolved["threads"]) if self.entry else 0


def _fits(entry: Entry, workers: list[_Worker], cores: int) -> bool:
    """Whether the run's threads find cores; a run alone always may."""
    used = sum(worker.threads() for worker in workers)
    return used == 0 or used + int(entry.resolved["threads"]) <= cores


class _WorkerPool:
    """The worker processes of a sweep: started as they are needed, each with one run at a time."""

    def __init__(self, manifest: Manifest, jobs: int, cores: int, start_method: str, observe: Observe) -> None:
        self._manifest, self._jobs, self._cores, self._observe = manifest, jobs, cores, observe
        self._context: Any = multiprocessing.get_context(start_method)
        self._stop_flag = self._context.Value("b", 0, lock=False)
        self._workers: list[_Worker] = []

    def is_busy(self) -> bool:
        """Whether any run is at work."""
        return any(worker.entry for worker in self._workers)

    def stop_runs(self) -> None:
        """Ask all runs to end early."""
        self._stop_flag.value = 1

    def begin(self, entry: Entry) -> bool:
        """Give the run to a free worker; False where there is none, no core for it, or the worker is dead."""
        worker = self._free_worker()
        if worker is None or not _fits(entry, self._workers, self._cores):
            return False
        config, folder = self._manifest.config(entry), self._manifest.folder(entry)
        try:
            worker.channel.send(Assignment(entry.name, config, entry.engine_reason, folder.path))
        except OSError:
            return False  # it has just died: `hear_workers` finds it, and the run waits for another one
        entry.status, worker.entry = "running", entry
        self._observe(entry, None)
        return True

    def _free_worker(self) -> _Worker | None:
        """A worker without a run; a new one while there are fewer than `jobs`."""
        free = next((worker for worker in self._workers if worker.entry is None), None)
        if free is None and len(self._workers) < self._jobs:
            ours, theirs = self._context.Pipe()
            forked = self._context.get_start_method() == "fork"
            inherited = [ours, *(worker.channel for worker in self._workers)] if forked else []
            process = self._context.Process(target=work, args=(theirs, self._stop_flag, inherited), daemon=True)
            process.start()
            theirs.close()
            free = _Worker(process, ours)
            self._workers.append(free)
        return free

    def hear_workers(self) -> None:
        """Take what workers have to say, those that have died included; waits a moment for one."""
        handles: dict[Any, _Worker] = {}
        for worker in self._workers:
            handles |= {worker.channel: worker, worker.process.sentinel: worker}
        heard = channels.wait(list(handles), POLL_SECONDS)
        for worker in {id(handles[h]): handles[h] for h in heard}.values():
            try:
                while worker.channel.poll():
                    self._take_progress(worker, worker.channel.recv())
                alive = bool(worker.process.is_alive())
            except (EOFError, OSError):
                alive = False
            if not alive:
                self._remove_dead(worker)

    def _take_progress(self, worker: _Worker, progress: RunProgress) -> None:
        entry = worker.entry
        assert entry is not None and entry.name == progress.name
        if progress.summary is not None or progress.failure is not None:
            entry.status = "failed" if progress.failure else str((progress.summary or {})["status"])
            worker.entry = None
        self._observe(entry, progress)

    def _remove_dead(self, worker: _Worker) -> None:
        """A worker that was killed or ran out of memory: its run has failed, and says so."""
        worker.process.join()
        entry = worker.entry
        if entry is not None:
            code = worker.process.exitcode
            reason = f"its process was killed by signal {-code}" if code < 0 else f"its process ended with code {code}"
            reason += " (out of memory?)" if code == -9 else ""
            self._manifest.folder(entry).note_failure(reason, f"{reason}\n")
            entry.status, worker.entry = "failed", None
            self._observe(entry, RunProgress(entry.name, failure=f"{reason}; see {LOG}"))
        worker.channel.close()
        self._workers.remove(worker)

    def end_workers(self) -> None:
        """Let idle workers go; kill those that are still at work, because something broke off the sweep."""
        for worker in self._workers:
            if worker.entry is None:
                with suppress(OSError):
                    worker.channel.send(None)
            else:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.channel.close()
