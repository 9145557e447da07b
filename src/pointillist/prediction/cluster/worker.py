"""What a worker of a cluster does: introduce itself, choose an engine, compute, write results."""

from __future__ import annotations

import functools
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pointillist
from pointillist.errors import InputError, PointillistError
from pointillist.prediction.batch import probe_scenes
from pointillist.prediction.block import Tiling
from pointillist.prediction.block_store import BlockStore
from pointillist.prediction.choice import EngineRequest, choose_engine
from pointillist.prediction.engine import Engine
from pointillist.prediction.fingerprint import fingerprint_model
from pointillist.prediction.kept_engine import describe_engine, restore_engine
from pointillist.prediction.mapping import keep_blocks, write_results
from pointillist.prediction.resuming import Stock
from pointillist.prediction.scene_job import MapOptions, SceneJob
from pointillist.prediction.work_folder import FinishedBlocks, share_files, work_path
from pointillist.raster import fingerprint_raster
from pointillist.raster.full_disk import writing

Said = list[tuple[int, str]]

# One thing at a time: an engine uses all threads that its process has.
_AT_WORK = threading.Lock()


P = ParamSpec("P")
T = TypeVar("T")


def _in_plain_words(do: Callable[P, T]) -> Callable[P, T]:
    """Raise errors for people without what caused them, which may not travel between processes."""

    @functools.wraps(do)
    def wrapped(*args: P.args, **options: P.kwargs) -> T:
        try:
            return do(*args, **options)
        except PointillistError as error:
            told = type(error)(str(error))
        raise told

    return wrapped


class NoLongerWantedError(Exception):
    """The run that wanted it has ended."""


@dataclass(frozen=True)
class Errand:
    """What every worker is told of a run.

    Args:
        version: Of Pointillist, which all must have.
        model: The model's file, where all can read it.
        digest: The model's fingerprint.
        flag: A file that is there as long as the run wants results.
        request: What engine is asked for.
        options: What is made of all scenes.
        tiling: How scenes are cut.
        n_threads: Threads of each worker; None for as many as Dask gave it.
    """

    version: str
    model: Path
    digest: str
    flag: Path
    request: EngineRequest
    options: MapOptions
    tiling: Tiling
    n_threads: int | None = None


@_in_plain_words
def introduce(errand: Errand, engine: dict[str, str] | None) -> str:
    """Make sure that this worker can take part; returns its host's name.

    Raises:
        PointillistError: Another version, files it does not see, or an engine it does not have.
    """
    if pointillist.__version__ != errand.version:
        raise InputError(
            f"it has Pointillist {pointillist.__version__}, not {errand.version}. Install the same "
            "version on all machines."
        )
    if not errand.flag.exists():
        raise InputError(
            f"it does not see the folder of the results, '{errand.flag.parent.parent}'. Workers "
            "need the scenes and the results under the same paths: use a shared disk."
        )
    if engine is not None:
        _engine(errand, engine)
    return socket.gethostname()


@_in_plain_words
def choose(errand: Errand, jobs: Sequence[SceneJob]) -> tuple[dict[str, str], Said]:
    """Choose the engine of a run on this worker.

    Args:
        errand: The run.
        jobs: Some of its scenes.

    Returns:
        What `describe_engine` says, and what was logged.
    """
    with _AT_WORK, _listening() as said:
        n_px = sum(job.grid.height * job.grid.width for job in jobs)
        whole = [_with_blocks(errand, job) for job in jobs]
        probe = probe_scenes(whole, errand.options.skip_unreadable)
        engine = choose_engine(_model(errand.model, errand.digest), errand.request, n_px, probe)
    return describe_engine(engine), said


@_in_plain_words
def compute(errand: Errand, job: SceneJob, stock: Stock, blocks: Sequence[int], share: str) -> Said:
    """Compute some blocks of a scene and keep them in a share of their own; returns what was said.

    Raises:
        NoLongerWantedError: The run has ended meanwhile.
    """
    with _AT_WORK, _listening() as said, closing(job.scene):
        _check_scene(job, stock)
        whole = _with_blocks(errand, job)
        wanted = _still_wanted(errand)
        wanted()
        assert stock.record.engine is not None, "chosen before"
        engine = _engine(errand, stock.record.engine)
        output = job.outputs.map
        with writing(output):
            store = BlockStore(*share_files(work_path(output), share), output)
        try:
            some = [whole.blocks[i] for i in blocks]
            keep_blocks(whole, some, engine, errand.options, store, wanted)
        finally:
            store.close(sync=True)
    return said


@_in_plain_words
def finish(errand: Errand, job: SceneJob, stock: Stock, shares: Sequence[str]) -> Said:
    """Write the results of a scene whose blocks are all kept; returns what was said.

    Args:
        errand: The run.
        job: The scene.
        stock: What its map is made with.
        shares: Where its blocks are.
    """
    with _AT_WORK, _listening() as said:
        kept = FinishedBlocks(job.outputs.map, shares)
        whole = _with_blocks(errand, job)
        write_results(whole, stock, errand.options, kept, _still_wanted(errand))
    return said


def _still_wanted(errand: Errand) -> Callable[[], None]:
    def check() -> None:
        if not errand.flag.exists():
            raise NoLongerWantedError

    return check


def _check_scene(job: SceneJob, stock: Stock) -> None:
    if fingerprint_raster(job.scene) != stock.record.scene["raster"]:
        raise InputError(
            f"{job.scene.name} is another raster on worker {socket.gethostname()} than where the "
            "run was started. Let all machines read the same files."
        )


def _with_blocks(errand: Errand, job: SceneJob) -> SceneJob:
    """Blocks are not sent: every machine plans the same ones."""
    return replace(job, blocks=errand.tiling.plan(job.grid.shape))


@functools.lru_cache(maxsize=1)
def _model(path: Path, digest: str) -> Any:
    from pointillist.models import load

    model = load(path, ready=False)  # a network compiled before needs no PyTorch
    if fingerprint_model(model) != digest:
        raise InputError(
            f"'{path}' is another model on worker {socket.gethostname()} than where the run was "
            "started. Let all machines read the same files."
        )
    return model


def _engine(errand: Errand, kept: dict[str, str]) -> Engine:
    n_threads = errand.n_threads or _threads_of_dask()
    return _build_engine(
        errand.model, errand.digest, errand.request, tuple(kept.items()), n_threads
    )


@functools.lru_cache(maxsize=1)
def _build_engine(
    path: Path, digest: str, request: EngineRequest, kept: tuple[tuple[str, str], ...], threads: int
) -> Engine:
    if "torch" in dict(kept)["name"]:
        import torch

        torch.set_num_threads(threads)
    return restore_engine(_model(path, digest), dict(kept), request, threads)


def _threads_of_dask() -> int:
    from distributed import get_worker

    return int(get_worker().state.nthreads)


@contextmanager
def _listening() -> Iterator[Said]:
    """Collect what is logged for people, to be said where the run was started."""
    said: Said = []
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: said.append((record.levelno, record.getMessage()))  # type: ignore[method-assign]
    logger = logging.getLogger("pointillist")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
