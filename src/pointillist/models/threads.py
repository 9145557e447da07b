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


class _Limit:
    """Threads that PyTorch may use for a while; PyTorch is not imported for it."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._before: int | None = None

    def apply(self) -> None:
        import torch

        if self._before is None:
            self._before = torch.get_num_threads()
        torch.set_num_threads(self.n)

    def lift(self) -> None:
        if self._before is not None:
            import torch

            torch.set_num_threads(self._before)


_limit: _Limit | None = None


@contextmanager
def free_cores_only(say: Callable[[str], None], *, torch_now: bool = True) -> Iterator[int]:
    """Let networks use the cores that are free now; a number set by the user is left alone.

    Args:
        say: Told when fewer are used than there are.
        torch_now: Tell PyTorch at once; else `limit_torch` does where PyTorch comes to be used,
            so that who needs it not need not wait for its import.

    Yields:
        Threads to use.
    """
    global _limit
    if torch_now:
        import torch

        before = torch.get_num_threads()
    else:
        before = usual_threads()
    n = before
    if "OMP_NUM_THREADS" not in os.environ and before > 1:
        n = min(before, count_free_cores())
    if n < before:
        say(
            f"Other programs keep {before - n} of {before} cores busy: {n} "
            f"{'thread is' if n == 1 else 'threads are'} used, more would be slower. "
            f"Set OMP_NUM_THREADS={before} to use all."
        )
    outer, _limit = _limit, _Limit(n)
    try:
        if torch_now:
            _limit.apply()
        yield n
    finally:
        _limit.lift()
        _limit = outer


def limit_torch() -> None:
    """Let PyTorch use as many threads as `free_cores_only` said, where that was asked."""
    if _limit is not None:
        _limit.apply()


def usual_threads() -> int:
    """Threads that a user sets by OMP_NUM_THREADS, else one per core this process may use."""
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(given) if given.isdigit() and int(given) > 0 else max(1, int(allowed_cores()))


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
