"""Does a scene fit a model: its bands, their order, its resolution. Checked before reading."""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pointillist.errors import GridError
from pointillist.grid import Grid

if TYPE_CHECKING:
    from pointillist.models import TrainedModel
    from pointillist.raster import Scene

logger = logging.getLogger(__name__)

MAX_RESOLUTION_FACTOR = 2.0
_METRES_PER_DEGREE = 111_320.0

Bands = str | Sequence[str | int]


def open_fitting_scene(path: str | Path, model: TrainedModel, bands: Bands | None = None) -> Scene:
    """Open a scene in the model's bands.

    Bands are those asked for; else those named like the model's; else all, in order, where there
    are as many as the model wants. The file is closed again until it is read.

    Args:
        path: The scene.
        model: The model it is for.
        bands: `1-3`, `red,nir` or a list of numbers and names; None to choose.

    Raises:
        GridError: The scene does not have the model's bands.
    """
    from pointillist.raster import open_scene, parse_bands

    if bands is None:
        scene = open_scene(path)
        chosen = choose_bands(model.bands, scene, str(path))
        if chosen is not None:
            scene = open_scene(path, chosen)
    else:
        scene = open_scene(path, parse_bands(bands) if isinstance(bands, str) else list(bands))
        if scene.n_bands != len(model.bands):
            raise GridError(_wrong_bands(model.bands, scene.band_names, str(path)))
    check_resolution(scene.grid, model.card.resolution, model.card.crs, str(path))
    for notice in scene.notices:
        logger.info(notice)
    scene.close()  # reading opens it again: hundreds of scenes need not stay open
    return scene


def open_fitting_scenes(
    paths: Sequence[str], model: TrainedModel, bands: Bands | None = None
) -> list[Scene]:
    """Open scenes in the model's bands; of several that do not fit a person is told together.

    Raises:
        GridError: Scenes do not have the model's bands; says how many and the first.
    """
    scenes: list[Scene] = []
    errors: list[GridError] = []
    for path in paths:
        try:
            scenes.append(open_fitting_scene(path, model, bands))
        except GridError as error:
            errors.append(error)
    if errors and len(paths) == 1:
        raise errors[0]
    if errors:
        raise GridError(
            f"{len(errors)} of {len(paths)} scenes do not fit the model, the first one: "
            f"{errors[0]} Or leave such files out: name the others, of a folder with --pattern."
        ) from errors[0]
    return scenes


def choose_bands(wanted: Sequence[str], scene: Scene, name: str) -> list[str | int] | None:
    """Names of the scene's bands to use; None for all (but alpha) in order.

    Upper and lower case are the same. `band_1`, `band_2` … are no names but what bands without one
    are called: they match nothing, unless they say that the model learnt from some bands of many.

    Raises:
        GridError: There are too few, or more without matching names.
    """
    usual = scene.band_names
    if tuple(wanted) == usual:
        return None
    if not are_counted(wanted):
        known = {
            band.casefold(): band
            for band in scene.all_band_names
            if band in usual or not _COUNTED.fullmatch(band)  # an alpha band without a name
        }
        found = [known.get(band.casefold()) for band in wanted]
        if None not in found:
            if tuple(found) == usual:
                return None
            logger.info("%s: bands %s are chosen by name.", name, ", ".join(wanted))
            return [band for band in found if band is not None]
    if len(wanted) == len(usual):
        logger.info(
            "%s: bands %s are taken in order for the model's %s.",
            name, ", ".join(usual), ", ".join(wanted),
        )  # fmt: skip
        return None
    raise GridError(_wrong_bands(wanted, usual, name))


_COUNTED = re.compile(r"band_\d+")


def are_counted(names: Sequence[str]) -> bool:
    """Whether bands have no names of their own but are counted, `band_1` to the last."""
    return tuple(names) == tuple(f"band_{i}" for i in range(1, len(names) + 1))


def _wrong_bands(wanted: Sequence[str], got: Sequence[str], scene: str) -> str:
    return (
        f"Expected the model's {len(wanted)} bands ({', '.join(wanted)}), "
        f"but {scene} gives {len(got)} ({', '.join(got)}). "
        f"Choose {len(wanted)} of its bands, in the model's order, with --bands."
    )


def check_resolution(
    grid: Grid, trained: float | None, trained_crs: str | None, scene: str
) -> None:
    """Warn where pixels are more than twice, or less than half, the size the model learned from."""
    from pointillist.raster import same_crs

    if trained is None or (grid.crs is None) != (trained_crs is None):
        return
    latitude = _latitude(grid)
    here = math.sqrt(grid.transform.pixel_area) * _metres_per_unit(grid.crs, latitude)
    there = trained * _metres_per_unit(trained_crs, latitude)
    if grid.crs is not None and not same_crs(grid.crs, trained_crs):
        logger.info("%s is in another coordinate system than the training scenes.", scene)
    factor = max(here / there, there / here)
    if factor > MAX_RESOLUTION_FACTOR:
        unit = "m" if grid.crs is not None else "units"
        warnings.warn(
            f"Pixels of {scene} measure {here:.3g} {unit}, the model learned from {there:.3g} "
            f"{unit}: a factor of {factor:.1f}. Expect a poor map; resample the scene, or train "
            "on scenes like it.",
            UserWarning,
            stacklevel=2,
        )


def _metres_per_unit(crs: str | None, latitude: float) -> float:
    """Length of a CRS unit; of a degree, the mean of both directions."""
    if crs is None:
        return 1.0
    import pyproj

    parsed = pyproj.CRS.from_user_input(crs)
    if parsed.is_geographic:
        return _METRES_PER_DEGREE * math.sqrt(max(math.cos(math.radians(latitude)), 0.01))
    return float(parsed.axis_info[0].unit_conversion_factor) if parsed.axis_info else 1.0


def _latitude(grid: Grid) -> float:
    """Latitude of the scene's centre, 0 where it has no place on Earth."""
    if grid.crs is None:
        return 0.0
    import pyproj

    x, y = grid.transform.corner_xy([[grid.height / 2, grid.width / 2]])[0]
    try:
        to_degrees = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    except pyproj.exceptions.ProjError:
        return 0.0
    latitude = float(to_degrees.transform(x, y)[1])
    return latitude if math.isfinite(latitude) else 0.0
