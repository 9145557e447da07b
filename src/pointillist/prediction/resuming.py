"""What there is of a map before work begins: nothing, blocks of an interrupted run, or all."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pointillist.errors import OutputError, OutputExistsError, PointillistError
from pointillist.prediction.job_record import JobRecord
from pointillist.prediction.leftovers import count_leftovers, read_leftover_job, tell_lost
from pointillist.prediction.outputs import Outputs
from pointillist.raster import JOB_TAG, POINTS_TAG, UNREADABLE_TAG

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stock:
    """What there is of one scene's map.

    Args:
        state: `nothing` to go on from, `blocks` of an interrupted run, or the `complete` map.
        record: What it was begun with; without anything, what it is to be made with.
        may_replace: Whether results that exist are replaced.
    """

    state: Literal["nothing", "blocks", "complete"]
    record: JobRecord
    may_replace: bool


def refuse_leftovers(plans: Sequence[Outputs], *, resume: bool, overwrite: bool) -> None:
    """Make sure that nobody else is at the maps, and no interrupted run is lost unasked.

    Raises:
        OutputError: Another process is writing one of them.
        OutputExistsError: An interrupted run left blocks, and neither flag says what to do.
    """
    for plan in plans:
        n_left = count_leftovers(plan.map)
        if n_left and not resume and not overwrite:
            raise OutputExistsError(
                f"An interrupted run left {n_left} finished blocks of '{plan.map}'. Go on with "
                "--resume, or start again with --overwrite."
            )


def take_stock(
    outputs: Outputs,
    now: JobRecord,
    *,
    resume: bool,
    overwrite: bool,
    skip_unreadable: bool = False,
) -> Stock:
    """Find out what there is of a map, and that it fits.

    Args:
        outputs: Its files.
        now: What it is to be made with.
        resume: Go on where there is something to go on from.
        overwrite: Replace results that exist.
        skip_unreadable: Whether a map is complete where its scene could not be read.

    Raises:
        OutputError: What is there was made from something else; says from what.
        OutputExistsError: A result exists and may not be replaced.
    """
    if not resume:
        return Stock("nothing", now, overwrite)
    made = read_map_record(outputs.map)
    if made is not None and not made.changes(now) and _are_of_one_run(outputs, made):
        n_unreadable = _count_unreadable(outputs.map)
        if skip_unreadable or not n_unreadable:
            return Stock("complete", made, overwrite)
        if not count_leftovers(outputs.map):
            logger.info(
                "'%s' has nodata in %d windows that could not be read: it is made anew.",
                outputs.map, n_unreadable,
            )  # fmt: skip
            return Stock("nothing", now, may_replace=True)
    if count_leftovers(outputs.map):
        return _take_blocks(outputs, now, overwrite)
    tell_lost(outputs.map)
    if made is not None and not overwrite:
        _refuse_changes(f"'{outputs.map}' is complete, made with something else", made, now)
    if not overwrite:
        _refuse_existing(outputs)
    return Stock("nothing", now, overwrite)


def _take_blocks(outputs: Outputs, now: JobRecord, overwrite: bool) -> Stock:
    values, was_finishing = read_leftover_job(outputs.map)
    was = JobRecord.from_dict(values)
    _refuse_changes(f"The interrupted run of '{outputs.map}' cannot go on", was, now)
    if was.was_touched(now):
        logger.info(
            "%s has another time stamp than when its map was begun; size and samples of its "
            "contents are the same, so the map goes on.", now.scene_name,
        )  # fmt: skip
    may_replace = overwrite or was.overwrite or was_finishing
    if not may_replace:
        _refuse_existing(outputs)
    return Stock("blocks", was, may_replace)


def read_map_record(path: Path) -> JobRecord | None:
    """What a finished map, or a raster beside it, was made with; None if it is not ours."""
    from pointillist.raster.opening import open_dataset

    if not path.exists():
        return None
    try:
        with open_dataset(path) as dataset:
            return JobRecord.from_dict(json.loads(dataset.tags()[JOB_TAG]))
    except (PointillistError, KeyError, ValueError, TypeError):
        return None


def job_tags(
    record: JobRecord, points: Sequence[str] = (), n_unreadable: int = 0
) -> dict[str, str]:
    """What a finished map says of itself.

    Args:
        record: How it was made.
        points: Files of points that its model learnt from.
        n_unreadable: Windows in which the scene could not be read.
    """
    tags = {JOB_TAG: json.dumps(record.to_dict(), sort_keys=True, separators=(",", ":"))}
    if points:
        tags[POINTS_TAG] = json.dumps(list(points))
    if n_unreadable:
        tags[UNREADABLE_TAG] = str(n_unreadable)
    return tags


def _are_of_one_run(outputs: Outputs, made: JobRecord) -> bool:
    """Whether all rasters are there; polygons can be made of the map at any time."""
    beside = (outputs.probabilities, outputs.uncertainty)
    return all(read_map_record(path) == made for path in beside if path is not None)


def _count_unreadable(path: Path) -> int:
    from pointillist.raster.opening import open_dataset

    with open_dataset(path) as dataset:
        return int(dataset.tags().get(UNREADABLE_TAG, 0))


def _refuse_existing(outputs: Outputs) -> None:
    from pointillist.raster import check_output

    for file in outputs.files:
        check_output(file)


def _refuse_changes(what: str, was: JobRecord, now: JobRecord) -> None:
    changes = was.changes(now)
    if changes:
        verb = "has" if len(changes) == 1 else "have"
        raise OutputError(
            f"{what}: {', '.join(changes)} {verb} changed. Put back what it was made with, or "
            "start again with --overwrite."
        )
