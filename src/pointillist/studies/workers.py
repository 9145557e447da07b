"""Running cells one after the other, or several side by side in processes of their own."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from pointillist.errors import WorkerError
from pointillist.studies.places import Folders
from pointillist.studies.protocols import Cell, Record, protocol_of

_ON_ONE_GPU = 12
_POLL_S = 2.0

Check = Callable[[], None]


def _nothing() -> None:
    """Let everything go on."""


def run_in_turn(
    cells: Sequence[Cell], folders: Folders, n_workers: int = 1, check: Check = _nothing
) -> Generator[tuple[Cell, Record], None, None]:
    """Run cells one after the other in this process, and give each with its record."""
    for cell in cells:
        yield cell, _run(cell, folders)


def run_side_by_side(
    cells: Sequence[Cell], folders: Folders, n_workers: int, check: Check = _nothing
) -> Generator[tuple[Cell, Record], None, None]:
    """Run cells in several processes, and give each with its record as it is finished.

    A process computes on one thread (a grid keeps the cores busy by its number of runs) and ends
    when this one does, however it ends. `check` is called every two seconds and may raise: what the
    processes compute is lost then, what was finished is not.

    Raises:
        WorkerError: A process was killed, as the system does when memory is short.
    """
    left = iter(cells)
    pool = ProcessPoolExecutor(
        n_workers,
        mp_context=get_context("spawn"),
        initializer=_start_worker,
        initargs=(os.getpid(), max(1, (os.cpu_count() or 1) // n_workers)),
    )
    running: dict[Future[Record], Cell] = {}
    try:
        for cell in left:
            running[pool.submit(_run, cell, folders)] = cell
            if len(running) == n_workers:
                break
        while running:
            done, _ = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            if not done:
                check()
            for future in sorted(done, key=_has_failed):  # what is finished is recorded first
                cell = running.pop(future)
                record = future.result()
                following = next(left, None)
                if following is not None:
                    running[pool.submit(_run, following, folders)] = following
                yield cell, record
    except BrokenProcessPool as error:
        raise WorkerError(
            f"One of {n_workers} processes of the study was killed, as happens when memory is "
            "short. Finished runs are recorded: start again with fewer --workers."
        ) from error
    finally:
        _stop(pool)


def _has_failed(future: Future[Record]) -> bool:
    return future.exception() is not None


def choose_workers(wanted: int | None) -> int:
    """How many runs side by side: as asked, else one per core, or a dozen on a GPU."""
    if wanted is not None:
        return max(1, wanted)
    import torch

    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return min(_ON_ONE_GPU, n_cores) if torch.cuda.is_available() else n_cores


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the processes now; what they were computing is lost, what was finished is recorded."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()  # SIGTERM is handled by Lightning, in its own time


def _start_worker(parent: int, n_threads: int) -> None:
    """Runs once in each process."""
    os.environ["OMP_NUM_THREADS"] = str(n_threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import torch

    torch.set_num_threads(n_threads)


def _end_with(parent: int) -> None:
    """A process whose parent was killed has nobody to report to."""
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os._exit(1)


def _run(cell: Cell, folders: Folders) -> Record:
    record = protocol_of(cell).run(cell, folders)
    gc.collect()  # a trainer and its network refer to each other: 0.4 GB a run would stay
    return record
