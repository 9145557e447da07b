"""Scenes mapped by the workers of a cluster: blocks handed out, what is lost done once more."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pointillist
from pointillist.errors import ClusterError, PointillistError
from pointillist.prediction.block import Tiling
from pointillist.prediction.choice import EngineRequest
from pointillist.prediction.cluster import worker as at_worker
from pointillist.prediction.cluster.crew import Crew, CrewRequest, open_crew
from pointillist.prediction.cluster.run_folder import run_folder
from pointillist.prediction.cluster.schedule import Group, Schedule
from pointillist.prediction.cluster.worker import Errand, Said
from pointillist.prediction.fingerprint import fingerprint_model
from pointillist.prediction.kept_engine import refuse_another
from pointillist.prediction.mapping import list_unreadable, missing_blocks, told_how_to_go_on
from pointillist.prediction.resuming import Stock
from pointillist.prediction.scene_job import BlockCounter, MapOptions, SceneJob
from pointillist.prediction.work_folder import SHARES_FOLDER, WorkFolder

if TYPE_CHECKING:
    from distributed import Future

    from pointillist.models import TrainedModel

logger = logging.getLogger(__name__)

# So long a run waits for a first worker, and for another when all have gone.
PATIENCE_S = 60.0
FETCH_S = 30.0
"""What a worker returned is a few lines: what takes longer to come is lost with its worker."""
_N_PROBED = 8


def map_on_cluster(
    model: TrainedModel,
    todo: Sequence[tuple[SceneJob, Stock]],
    engine: EngineRequest,
    options: MapOptions,
    tiling: Tiling,
    request: CrewRequest,
    counter: BlockCounter,
) -> None:
    """Map scenes with the workers of a cluster.

    The engine is chosen on one of the workers; others take part only where theirs is the same, so
    that no pixel depends on who computed it. Each worker keeps the blocks it has finished itself.
    Blocks of a worker that vanishes are given to others, and workers that come later take part.

    Args:
        model: The model.
        todo: The scenes that are not complete, and what there is of each one's map.
        engine: What engine is asked for.
        options: What is made of all scenes.
        tiling: How they are cut.
        request: Which workers.
        counter: Counts blocks.

    Raises:
        ClusterError: The scheduler cannot be reached, no worker can take part, or all have gone.
    """
    kept = [stock.record.engine for _, stock in todo if stock.record.engine is not None]
    for one in kept:
        refuse_another(one, engine)
    with (
        run_folder(todo[0][0].outputs.map.parent) as folder,
        open_crew(request) as crew,
        folder.flag(),
    ):
        errand = Errand(
            version=pointillist.__version__,
            model=model.save(folder.path / "model.safetensors"),
            digest=fingerprint_model(model),
            flag=folder.flag_file,
            request=engine,
            options=options,
            tiling=tiling,
            n_threads=crew.n_threads,
        )
        with ClusterRun(crew, errand, todo, counter) as run:
            run.map_all(kept[0] if kept else None)


@dataclass(frozen=True)
class _Task:
    """Something a worker was sent.

    Args:
        worker: Who does it.
        group: The blocks; None for an introduction.
        share: Where its blocks are kept.
    """

    worker: str
    group: Group | None = None
    share: str = ""


class ClusterRun:
    """One command's work on a cluster. A context manager: on leaving, work folders are closed.

    Args:
        crew: The workers.
        errand: What they are told.
        todo: The scenes.
        counter: Counts blocks.
    """

    def __init__(
        self,
        crew: Crew,
        errand: Errand,
        todo: Sequence[tuple[SceneJob, Stock]],
        counter: BlockCounter,
    ) -> None:
        self._crew, self._errand, self._counter = crew, errand, counter
        self._jobs = [job for job, _ in todo]
        self._stocks = [stock for _, stock in todo]
        self._works: dict[int, WorkFolder] = {}
        self._finishing: set[int] = set()
        n_blocks = sum(len(job.blocks) for job in self._jobs)
        self._schedule = Schedule(self._missing(), n_blocks)
        self._tasks: dict[Future, _Task] = {}
        self._hosts: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._engine: dict[str, str] | None = None
        self._seen_at = time.monotonic()

    def __enter__(self) -> ClusterRun:
        return self

    def __exit__(self, *error: object) -> None:
        self._crew.drop(self._tasks)
        with ExitStack() as stack:
            for work in self._works.values():
                stack.push(work)

    def map_all(self, engine: dict[str, str] | None) -> None:
        """Work until all scenes are mapped.

        Args:
            engine: What an interrupted map was begun with; None to choose.
        """
        with told_how_to_go_on(lambda: sum(work.n_kept for work in self._works.values())):
            self._engine = engine or self._choose_engine()
            while not self._schedule.is_done:
                self._see_who_is_there()
                self._hand_out()
                for future in self._crew.first_ended(self._tasks):
                    self._take(future, self._tasks.pop(future))
                self._counter.check()

    def _choose_engine(self) -> dict[str, str]:
        """Let the first worker that can take part choose."""
        while not self._hosts:
            self._see_who_is_there()
            for future in self._crew.first_ended(self._tasks):
                self._take(future, self._tasks.pop(future))
            self._counter.check()
        worker = next(iter(self._hosts))
        step = max(1, len(self._jobs) // _N_PROBED)
        some = [replace(job, blocks=[]) for job in self._jobs[::step][:_N_PROBED]]
        future = self._crew.send(worker, at_worker.choose, self._errand, some)
        while not self._crew.first_ended([future]):
            self._counter.check()
            if worker not in self._crew.present():
                raise ClusterError(f"Worker {worker} vanished while it chose an engine.")
        found = _result(future, worker)
        if found is None:
            raise ClusterError(f"Worker {worker} vanished while it chose an engine.")
        chosen, said = found
        _say(said)
        for other in list(self._hosts):  # all others are asked whether they have it
            if other != worker:
                del self._hosts[other]
                self._schedule.lose(other, lambda scene, block: False)
        return dict(chosen)

    def _missing(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Number and missing blocks of each scene; its work folder is opened when it is asked for.

        A country has more scenes than files that a process may hold open.
        """
        for i, (job, stock) in enumerate(zip(self._jobs, self._stocks, strict=True)):
            begun = replace(stock.record, engine=stock.record.engine or self._engine)
            self._stocks[i] = replace(stock, record=begun)
            go_on = stock.state == "blocks"
            work = WorkFolder(job.outputs.map, begun.to_dict(), go_on=go_on)
            self._works[i] = work
            (work.path / SHARES_FOLDER).mkdir(exist_ok=True)
            missing = [b.index for b in missing_blocks(job, self._errand.options, work)]
            self._counter.add(len(job.blocks) - len(missing))
            yield i, missing

    def _see_who_is_there(self) -> None:
        if not self._crew.is_due:
            return
        present = self._crew.present()
        asked = {task.worker for task in self._tasks.values()}
        for worker in present - set(self._hosts) - set(self._refused) - asked:
            future = self._crew.send(worker, at_worker.introduce, self._errand, self._engine)
            self._tasks[future] = _Task(worker)
        for worker in (set(self._hosts) | asked) - present:
            self._lose(worker)
        if self._hosts or (asked & present):
            self._seen_at = time.monotonic()
        elif present and present <= set(self._refused):
            raise ClusterError(f"No worker of {self._crew.name} can take part: {self._why()}")
        elif time.monotonic() - self._seen_at > PATIENCE_S:
            raise ClusterError(
                f"No worker of {self._crew.name} was there for {PATIENCE_S:.0f} seconds. Start "
                "some with `dask worker ADDRESS`."
            )

    def _why(self) -> str:
        worker, reason = next(iter(self._refused.items()))
        return f"of worker {worker}, {reason}"

    def _lose(self, worker: str) -> None:
        """A worker has vanished: keep what it finished, hand out the rest again."""
        gone = {f: t for f, t in self._tasks.items() if t.worker == worker}
        self._crew.drop(gone)
        kept = 0
        for future, task in gone.items():
            del self._tasks[future]
            if task.group is not None and not task.group.is_finishing:
                work = self._works[task.group.scene]
                work.look(task.share, check=True)
                kept += len(set(work.entries) & set(task.group.blocks))
        self._counter.add(kept)
        host = self._hosts.pop(worker, None)
        if host is None:
            return
        cursed = self._schedule.lose(worker, lambda i, block: block in self._works[i].entries)
        logger.warning("Worker %s on %s has vanished: others do what it had begun.", worker, host)
        if cursed:
            raise ClusterError(
                f"Several workers vanished while they were at {self._describe(cursed[0])}. They "
                "may have run out of memory: try a smaller --block."
            )

    def _describe(self, group: Group) -> str:
        name = self._jobs[group.scene].scene.name
        if group.is_finishing:
            return f"the results of {name}"
        return f"blocks {group.blocks[0]}–{group.blocks[-1]} of {name}"

    def _hand_out(self) -> None:
        for worker in self._schedule.workers:
            while (group := self._schedule.next_for(worker)) is not None:
                job = replace(self._jobs[group.scene], blocks=[])
                if group.is_finishing:
                    about = self._finish(job, group.scene)
                    future = self._crew.send(worker, at_worker.finish, *about)
                    self._tasks[future] = _Task(worker, group)
                else:
                    share = uuid.uuid4().hex
                    about = (self._errand, job, self._stocks[group.scene], group.blocks, share)
                    future = self._crew.send(worker, at_worker.compute, *about)
                    self._tasks[future] = _Task(worker, group, share)

    def _finish(self, job: SceneJob, scene: int) -> tuple[Any, ...]:
        """What a worker is told who writes results; some of them another may have left behind."""
        work, stock = self._works[scene], self._stocks[scene]
        work.begin_finishing()
        if scene in self._finishing:
            stock = replace(stock, may_replace=True)
        self._finishing.add(scene)
        return self._errand, job, stock, work.shares

    def _take(self, future: Future, task: _Task) -> None:
        """Take what a worker sent back."""
        if task.group is None:
            self._meet(future, task.worker)
            return
        said = None
        if future.status not in ("cancelled", "lost"):
            said = _result(future, task.worker)
        if said is None:
            self._tasks[future] = task  # its worker is gone, which will be seen
            return
        _say(said)
        if task.group.is_finishing:
            self._close(task.group.scene)
        else:
            work = self._works[task.group.scene]
            work.look(task.share)
            work.refuse_gone(task.group.blocks)
            self._counter.add(len(task.group.blocks))
        self._schedule.done(task.worker, task.group)

    def _close(self, scene: int) -> None:
        work = self._works.pop(scene)
        list_unreadable(self._jobs[scene], work)
        work.remove()

    def _meet(self, future: Future, worker: str) -> None:
        """A worker has introduced itself, or said why it cannot take part."""
        if future.status in ("cancelled", "lost"):
            return
        try:
            self._hosts[worker] = future.result(timeout=FETCH_S)
        except TimeoutError:
            return  # asked again, if it is there
        except PointillistError as error:
            self._refuse(worker, str(error))
        except ModuleNotFoundError as error:
            self._refuse(
                worker,
                f"a module is missing there ({error}). Install Pointillist "
                f"{pointillist.__version__} on all machines.",
            )
        except Exception as error:
            self._refuse(
                worker,
                f"it failed ({type(error).__name__}: {error}). Install Pointillist "
                f"{pointillist.__version__} and the same versions of its packages on all machines.",
            )
        else:
            self._schedule.join(worker)

    def _refuse(self, worker: str, reason: str) -> None:
        self._refused[worker] = reason
        logger.warning("Worker %s takes no part: %s", worker, reason)


def _result(future: Future, worker: str) -> Any:
    """What a worker returned; None where it died before it could be fetched.

    Raises:
        PointillistError: What kept it from its work, in a sentence.
    """
    try:
        return future.result(timeout=FETCH_S)
    except PointillistError:
        raise
    except TimeoutError as error:
        if future.status != "error":
            return None
        raise ClusterError(f"Worker {worker} failed: TimeoutError: {error}.") from error
    except Exception as error:
        raise ClusterError(f"Worker {worker} failed: {type(error).__name__}: {error}.") from error


def _say(said: Said) -> None:
    for level, text in said:
        logger.log(level, "%s", text)
