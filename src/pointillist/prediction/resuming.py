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
from pointillist.raster import JOB_TAG, POINTS_TAG

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


def take_stock(outputs: Outputs, now: JobRecord, *, resume: bool, overwrite: bool) -> Stock:
    """Find out what there is of a map, and that it fits.

    Args:
        outputs: Its files.
        now: What it is to be made with.
        resume: Go on where there is something to go on from.
        overwrite: Replace results that exist.

    Raises:
        OutputError: What is there was made from something else; says from what.
        OutputExistsError: A result exists and may not be replaced.
    """
    if not resume:
        return Stock("nothing", now, overwrite)
    made = read_map_record(outputs.map)
    if made is not None and not made.changes(now) and _are_there(outputs):
        return Stock("complete", made, overwrite)
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
    """What a finished map was made with; None if it is no map of ours."""
    from pointillist.raster.opening import open_dataset

    if not path.exists():
        return None
    try:
        with open_dataset(path) as dataset:
            return JobRecord.from_dict(json.loads(dataset.tags()[JOB_TAG]))
    except (PointillistError, KeyError, ValueError, TypeError):
        return None


def job_tags(record: JobRecord, points: Sequence[str] = ()) -> dict[str, str]:
    """What a finished map says about how it was made, and which points its model learnt from."""
    tags = {JOB_TAG: json.dumps(record.to_dict(), sort_keys=True, separators=(",", ":"))}
    return tags | ({POINTS_TAG: json.dumps(list(points))} if points else {})


def _are_there(outputs: Outputs) -> bool:
    """All rasters; polygons can be made of the map at any time."""
    rasters = (outputs.map, outputs.probabilities, outputs.uncertainty)
    return all(path.exists() for path in rasters if path is not None)


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
