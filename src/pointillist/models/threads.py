"""How many threads a network should use: as many as there are free cores, not more.

Threads that compute one layer together wait for the slowest of them. When another program holds
one of two cores, two threads are some twenty times slower than one (docs/decisions).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LISTEN_S = 0.2
_N_LISTENS = 5


@contextmanager
def free_cores_only(say: Callable[[str], None]) -> Iterator[int]:
    """Let PyTorch use the cores that are free now; a number set by the user is left alone.

    Args:
        say: Told when fewer are used than there are.

    Yields:
        Threads in use.
    """
    import torch

    before = torch.get_num_threads()
    n = before
    if "OMP_NUM_THREADS" not in os.environ and before > 1:
        n = min(before, count_free_cores())
    if n < before:
        say(
            f"Other programs keep {before - n} of {before} cores busy: {n} "
            f"{'thread is' if n == 1 else 'threads are'} used, more would be slower. "
            f"Set OMP_NUM_THREADS={before} to use all."
        )
    torch.set_num_threads(n)
    try:
        yield n
    finally:
        torch.set_num_threads(before)


def count_free_cores() -> int:
    """Cores this process may use that no other program keeps busy for a second; at least 1."""
    import psutil

    percent = min(psutil.cpu_percent(_LISTEN_S) for _ in range(_N_LISTENS))
    busy = percent / 100 * (psutil.cpu_count() or 1)
    free = (psutil.cpu_count() or 1) - busy
    return max(1, round(min(allowed_cores(), free)))


def allowed_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> float:
    """Cores by affinity and by the quota of a container."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = float(len(affinity(0)) if affinity else os.cpu_count() or 1)
    try:
        share, period = quota.read_text(encoding="ascii").split()
        return min(cores, float(share) / float(period))
    except (OSError, ValueError):  # no container, or no limit ("max")
        return cores
