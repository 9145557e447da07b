"""One scene's map: predict the blocks that are missing, keep each, and write the results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import ClusterError, OutputError, UnreadableFileError
from pointillist.grid import Block, Window
from pointillist.points import AreaOfInterest
from pointillist.prediction.blending import with_blending
from pointillist.prediction.block import BlockPrediction, Wanted, begin_block, predict_block
from pointillist.prediction.block_layers import BlockFormat
from pointillist.prediction.block_store import BlockStore
from pointillist.prediction.engine import Engine
from pointillist.prediction.map_files import MapFiles
from pointillist.prediction.polygons import write_polygons
from pointillist.prediction.read_ahead import read_ahead
from pointillist.prediction.resuming import Stock, job_tags
from pointillist.prediction.scene_job import BlockCounter, MapOptions, SceneJob
from pointillist.prediction.smoothing import with_smoothing
from pointillist.prediction.tracing import span
from pointillist.prediction.views import with_views
from pointillist.prediction.work_folder import UNREADABLE, FinishedBlocks, WorkFolder
from pointillist.prediction.write_behind import write_behind
from pointillist.raster import (
    ArraySource,
    decoded_once,
    in_panels,
    little_kept,
    remove_partial_files,
)

if TYPE_CHECKING:
    from pointillist.raster import PixelSource

logger = logging.getLogger(__name__)

OnUnreadable = Callable[[Block, UnreadableFileError], None]

_N_LISTED = 20
_N_PANEL_COLUMNS = 4


def map_scene(
    job: SceneJob, stock: Stock, engine: Engine, options: MapOptions, counter: BlockCounter
) -> None:
    """Map one scene, from the blocks that an interrupted run left of it where there are any.

    Whatever ends it early, finished blocks stay beside the map; on success nothing does.
    """
    go_on = stock.state == "blocks"
    output = job.outputs.map
    with closing(job.scene), WorkFolder(output, stock.record.to_dict(), go_on=go_on) as work:
        with told_how_to_go_on(lambda: work.n_kept):
            for file in job.outputs.files:
                remove_partial_files(file)
            _predict_missing(job, engine, options, work, counter)
            work.begin_finishing()
            write_results(job, stock, options, work, counter.check)
            list_unreadable(job, work)
        work.remove()


def predict_scene(
    source: PixelSource,
    blocks: Sequence[Block],
    engine: Engine,
    wanted: Wanted,
    aoi: AreaOfInterest | None = None,
    on_unreadable: OnUnreadable | None = None,
) -> Generator[tuple[Block, BlockPrediction | None], None, None]:
    """Predict the blocks of one scene, in order; the next one is read meanwhile.

    Args:
        source: The scene, in the model's bands.
        blocks: Which blocks.
        engine: What computes.
        wanted: What to compute besides classes.
        aoi: Where to map; None for everywhere.
        on_unreadable: Told of a block that cannot be read, which then has no prediction; without
            it the error is raised.

    Yields:
        Each block with its prediction, None where it has no pixel to map or cannot be read.
    """
    engine = with_smoothing(with_views(engine, wanted.views), wanted.smoothing)
    engine = with_blending(engine, wanted.blend_px)

    def read(block: Block) -> tuple[Any, NDArray[np.bool_]] | UnreadableFileError | None:
        if aoi is not None and not aoi.touches(block.core):
            return None
        try:
            with span("read", block=block.index):
                pixels = source.read(block.read)
        except UnreadableFileError as error:
            if on_unreadable is None:
                raise
            return error
        mapped = pixels.valid[block.core.slices_in(block.read)]
        if aoi is not None:
            mapped = mapped & aoi.mask(block.core)
        if not mapped.any():
            return None
        with span("prepare", block=block.index):
            return engine.prepare(pixels), mapped

    n_readers = getattr(engine, "n_readers", 1) if isinstance(source, ArraySource) else 1
    with closing(read_ahead(blocks, read, n_readers, n_readers)) as read_blocks:
        in_flight: tuple[Block, Callable[[], BlockPrediction]] | None = None
        for block, ready in read_blocks:
            begun = result = None
            if isinstance(ready, UnreadableFileError):
                assert on_unreadable is not None, "else it was raised"
                on_unreadable(block, ready)
            elif ready is not None:
                with span("infer", block=block.index):
                    begun = begin_block(engine, ready[0], block, ready[1], wanted)
                    if begun is None:
                        result = predict_block(engine, ready[0], block, ready[1], wanted)
            if in_flight is not None:  # a GPU begins a block before the last one is fetched
                yield in_flight[0], in_flight[1]()
            in_flight = None if begun is None else (block, begun)
            if in_flight is None:
                yield block, result
        if in_flight is not None:
            yield in_flight[0], in_flight[1]()


def _predict_missing(
    job: SceneJob, engine: Engine, options: MapOptions, work: WorkFolder, counter: BlockCounter
) -> None:
    """Predict and keep the blocks that are not kept yet."""
    missing = missing_blocks(job, options, work)
    if len(missing) < len(job.blocks):
        logger.info(
            "%d of %d blocks of '%s' are finished already.",
            len(job.blocks) - len(missing), len(job.blocks), work.output,
        )  # fmt: skip
    counter.add(len(job.blocks) - len(missing))
    keep_blocks(job, missing, engine, options, work, counter.add)


def missing_blocks(job: SceneJob, options: MapOptions, work: FinishedBlocks) -> list[Block]:
    """The blocks to be computed; where the scene could not be read, once more."""
    kept = {i for i, entry in work.entries.items()
            if options.skip_unreadable or entry.kind != "unreadable"}  # fmt: skip
    return [block for block in job.blocks if block.index not in kept]


def keep_blocks(
    job: SceneJob,
    blocks: Sequence[Block],
    engine: Engine,
    options: MapOptions,
    store: WorkFolder | BlockStore,
    after_each: Callable[[], None],
) -> None:
    """Predict blocks and keep each.

    Args:
        job: The scene.
        blocks: Which.
        engine: What computes.
        options: What is made of them.
        store: Where they are kept.
        after_each: Called when a block is kept.
    """
    unreadable: set[int] = set()

    def skip(block: Block, error: UnreadableFileError) -> None:
        unreadable.add(block.index)
        logger.warning("Left empty: %s", error)

    layers = BlockFormat(options.legend, options.wanted, options.probabilities_dtype)
    on_unreadable = skip if options.skip_unreadable else None

    def keep(made: tuple[Block, BlockPrediction | None]) -> None:
        block, result = made
        if result is None:
            store.add_empty(block.index, unreadable=block.index in unreadable)
        else:
            with span("keep", block=block.index):
                store.add(block.index, layers.encode(result).parts)

    with decoded_once(job.scene, blocks) as ordered:
        results = predict_scene(job.scene, ordered, engine, options.wanted, job.aoi, on_unreadable)
        with closing(results), closing(write_behind(results, keep)) as kept:
            for _ in kept:
                after_each()


def write_results(
    job: SceneJob,
    stock: Stock,
    options: MapOptions,
    kept: FinishedBlocks,
    check: Callable[[], None],
) -> None:
    """Make the files of the kept blocks.

    Args:
        job: The scene.
        stock: What the map is made with.
        options: What is made of the blocks.
        kept: All blocks.
        check: Called after each; may raise.
    """
    layers = BlockFormat(options.legend, options.wanted, options.probabilities_dtype)
    for file in job.outputs.files:
        remove_partial_files(file)
    files = MapFiles(
        job.outputs,
        job.grid,
        options.legend,
        min_area_px=options.min_area_px,
        probabilities_dtype=options.probabilities_dtype,
        overwrite=stock.may_replace,
        tags=job_tags(stock.record, options.points, len(_unreadable(kept))),
    )
    # in panels, so that tiles which several blocks share are whole before they leave memory
    with span("finish"), little_kept(), files:
        for block in in_panels(job.blocks, _N_PANEL_COLUMNS):
            with span("write", block=block.index):
                data = kept.read(block.index)
                if data is not None:
                    files.write(block.core, layers.decode(data, block.core.shape))
            check()
    if job.outputs.polygons is not None:
        with span("polygons"):
            write_polygons(job.outputs.map, options.legend, job.outputs.polygons)


def list_unreadable(job: SceneJob, work: FinishedBlocks) -> None:
    """Tell a person where a map has nodata because the scene could not be read."""
    empty = _unreadable(work)
    if not empty:
        return
    windows = [_place(job.blocks[i].core) for i in empty[:_N_LISTED]]
    more = f"; and {len(empty) - _N_LISTED} more" if len(empty) > _N_LISTED else ""
    logger.warning(
        "%d windows of %s could not be read and are nodata in '%s': %s%s.",
        len(empty), job.scene.name, work.output, "; ".join(windows), more,
    )  # fmt: skip


def _unreadable(kept: FinishedBlocks) -> list[int]:
    return [i for i, entry in sorted(kept.entries.items()) if entry.kind == UNREADABLE]


def _place(window: Window) -> str:
    return f"rows {window.row}–{window.stop_row}, columns {window.col}–{window.stop_col}"


@contextmanager
def told_how_to_go_on(count_kept: Callable[[], int]) -> Iterator[None]:
    """Add to an error what is kept and how to go on."""
    try:
        yield
    except (ClusterError, OutputError, UnreadableFileError) as error:
        n, hints = count_kept(), []
        if n:
            hints.append(f"Finished blocks are kept ({n}): go on with --resume.")
        if isinstance(error, UnreadableFileError):
            hints.append("To leave nodata where it cannot be read, add --skip-unreadable.")
        raise type(error)(" ".join([str(error), *hints])) from error
