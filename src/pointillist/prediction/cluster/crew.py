"""The workers of a cluster: reached, sent things to do, and seen to come and go."""

from __future__ import annotations

import logging
import pickle
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pointillist.errors import ClusterError, InputError

if TYPE_CHECKING:
    from distributed import Client, Future

_CONNECT_S = 10
_LOOK_S = 1.0


@dataclass(frozen=True)
class CrewRequest:
    """Which workers were asked for: processes on this machine, or those of a Dask scheduler.

    Args:
        workers: So many processes on this machine.
        scheduler: Address of a Dask scheduler, `tcp://host:8786`.

    Raises:
        InputError: Both, no worker, or no address.
    """

    workers: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.scheduler is not None:
            raise InputError(
                "Expected --workers (processes on this machine) or --scheduler (a Dask cluster), "
                "got both. Give one of them."
            )
        if self.workers is not None and self.workers < 1:
            raise InputError(f"Expected --workers of at least 1, got {self.workers}.")
        if self.scheduler is not None and not re.match(r"[a-z]+://.+", self.scheduler):
            raise InputError(
                "Expected --scheduler as an address like tcp://10.0.0.1:8786, "
                f"got {self.scheduler!r}."
            )

    @property
    def is_wanted(self) -> bool:
        """Whether workers are asked for at all."""
        return self.workers is not None or self.scheduler is not None


@dataclass(frozen=True)
class _Call:
    """A call that is made where its bytes are opened."""

    do: Callable[..., Any]
    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.do, self.args


class Crew:
    """Workers that a Dask scheduler knows.

    Args:
        client: Connected to it.
        name: Of the cluster, for messages.
        n_threads: Threads that each worker is to use; None for as many as Dask gave it.
    """

    def __init__(self, client: Client, name: str, n_threads: int | None) -> None:
        self._client = client
        self.name = name
        self.n_threads = n_threads
        self._looked_at = float("-inf")
        self._present: frozenset[str] = frozenset()

    @property
    def is_due(self) -> bool:
        """Whether it is time to look again who is there."""
        return time.monotonic() - self._looked_at >= _LOOK_S

    def present(self) -> frozenset[str]:
        """Addresses of the workers that are there now, asked for once a second.

        Raises:
            ClusterError: The scheduler does not answer.
        """
        if self.is_due:
            with self._connected():
                self._present = frozenset(self._client.nthreads())
            self._looked_at = time.monotonic()
        return self._present

    def send(self, worker: str, do: Callable[..., Any], *args: Any) -> Future:
        """Let one worker do something; nobody else will.

        It travels as bytes that are opened inside the task: the scheduler needs no Pointillist, and
        a worker without it says so instead of losing its connection.

        Raises:
            ClusterError: The scheduler does not answer.
        """
        key = f"{do.__name__}-{uuid.uuid4().hex}"
        with self._connected():
            return self._client.submit(
                pickle.loads, pickle.dumps(_Call(do, args)), key=key,
                workers=[worker], allow_other_workers=False, pure=False, retries=0,
            )  # fmt: skip

    def first_ended(self, futures: Iterable[Future], timeout_s: float = 0.5) -> list[Future]:
        """Those that have ended, as soon as one has; none after the timeout.

        Raises:
            ClusterError: The scheduler does not answer.
        """
        from distributed import wait

        waiting = list(futures)
        if not waiting:
            time.sleep(timeout_s / 10)
            return []
        with self._connected(), self._client.as_current():
            try:
                ended = wait(waiting, timeout=timeout_s, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                return []
            except CancelledError as error:
                if "connection-lost" in str(error) or self._client.status != "running":
                    raise self._lost(None) from error
                time.sleep(timeout_s / 10)  # of a worker that is gone, which will be seen
                return []
        return [future for future in waiting if future in ended]

    def drop(self, futures: Iterable[Future]) -> None:
        """Forget what was sent."""
        for future in futures:
            future.release()

    @contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # CommClosedError and time-outs are
            raise self._lost(error) from error
        if self._client.status not in ("running", "connecting"):
            raise self._lost(None)

    def _lost(self, error: BaseException | None) -> ClusterError:
        why = f" ({error})" if error else ""
        return ClusterError(
            f"The connection to {self.name} was lost{why}: it has ended, or the network is down."
        )


@contextmanager
def open_crew(request: CrewRequest) -> Iterator[Crew]:
    """Start the processes, or connect to the scheduler.

    Raises:
        ClusterError: The scheduler cannot be reached, or processes cannot be started.
    """
    from distributed import Client

    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if request.scheduler is not None:
            name, address, n_threads = f"scheduler {request.scheduler}", request.scheduler, None
        else:
            assert request.workers is not None, "one of both is asked for"
            cluster = stack.enter_context(_local_cluster(request.workers))
            name, address = "the processes on this machine", cluster.scheduler_address
            n_threads = max(1, _usable_cores() // request.workers)
        try:
            client = Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"Scheduler {address} cannot be reached: {_first_line(error)}. Check the address, "
                "and that `dask scheduler` runs there."
            ) from error
        stack.callback(client.close, timeout=_CONNECT_S)
        yield Crew(client, name, n_threads)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from printing tracebacks of what is told in a sentence; --debug shows them."""
    if logging.getLogger("pointillist").isEnabledFor(logging.DEBUG):
        yield
        return
    import distributed  # noqa: F401 it sets its loggers up

    names = ("distributed", "tornado.application")
    handlers = [h for name in names for h in logging.getLogger(name).handlers]
    before = [handler.level for handler in handlers]
    for handler in handlers:
        handler.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for handler, level in zip(handlers, before, strict=True):
            handler.setLevel(level)


@contextmanager
def _local_cluster(n_workers: int) -> Iterator[Any]:
    """Processes that are started again when they die; reachable from this machine only."""
    from distributed import LocalCluster

    try:
        cluster = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=0,  # blocks are small; a worker must not be paused for a model's size
            silence_logs=logging.CRITICAL,
        )
    except (OSError, RuntimeError, TimeoutError) as error:
        raise ClusterError(
            f"{n_workers} processes cannot be started: {_first_line(error)}. In a script, call "
            'predict under `if __name__ == "__main__":`.'
        ) from error
    try:
        yield cluster
    finally:
        cluster.close(timeout=_CONNECT_S)


def _usable_cores() -> int:
    from pointillist.models.threads import allowed_cores

    return max(1, int(allowed_cores()))


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
