"""Answer suggested points with the classes of a full mask, as a mapper who is always right would.

    python examples/simulated_mapper.py ask.gpkg mask.tif [--names Building Land Road]

A simulated mapper is an upper bound: people err, and cannot always tell. A class that is given
already is never changed. Where the mask holds no class the point stays empty: "cannot tell".
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pointillist.points import choose_class_field, read_features, read_metadata, write_points
from pointillist.raster import open_class_raster


def answer(points: Path, mask: Path, names: list[str] | None = None) -> tuple[int, int]:
    """Fill in the empty classes of a file.

    Args:
        points: File of points; replaced by the answered one.
        mask: Raster of classes on the scene's grid.
        names: Names of the classes, by their place in the mask's legend; its own where None.

    Returns:
        How many were answered, and how many could not be.
    """
    frame = read_features(points)
    field = choose_class_field(frame)
    with open_class_raster(mask) as raster:
        placed = frame if raster.grid.crs is None else frame.to_crs(raster.grid.crs)
        xy = np.stack([placed.geometry.x, placed.geometry.y], axis=1)
        rowcol = raster.grid.transform.rowcol(xy)
        index = raster.read(raster.grid.window)[rowcol[:, 0], rowcol[:, 1]]
        classes = np.array([*(names or raster.legend.names), None], dtype=object)[index]
    empty = np.asarray(frame[field].isna() | (frame[field].astype(str) == ""))
    given = np.asarray(frame[field], dtype=object)
    answered = empty & (index >= 0)
    columns = {
        name: np.asarray(frame[name], dtype=object) for name in frame.columns if name != "geometry"
    }
    columns[field] = np.where(answered, classes, given)
    write_points(
        points,
        np.stack([frame.geometry.x, frame.geometry.y], axis=1),
        None if frame.crs is None else frame.crs.to_wkt(),
        columns,
        metadata=read_metadata(points),
        overwrite=True,
    )
    return int(answered.sum()), int((empty & ~answered).sum())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("points", type=Path)
    parser.add_argument("mask", type=Path)
    parser.add_argument("--names", nargs="+")
    options = parser.parse_args()
    answered, left = answer(options.points, options.mask, options.names)
    print(f"{answered} answered, {left} cannot be told: {options.points}")


if __name__ == "__main__":
    main()
