"""Draw a map as a PNG with its legend: `python examples/draw_map.py map.tif map.png`.

Reads every n-th pixel only, so that a map of any size becomes a picture of about 1200 pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Patch

from pointillist.grid import iter_windows
from pointillist.raster import open_class_raster
from pointillist.report import paint

matplotlib.use("agg")
SIDE_PX = 1200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    raster = open_class_raster(options.map)
    height, width = raster.grid.shape
    step = max(1, -(-max(height, width) // SIDE_PX))
    index = np.full((-(-height // step), -(-width // step)), -1, dtype=np.int64)
    for window in iter_windows(raster.grid.shape, 256 * step):
        part = raster.read(window)[::step, ::step]
        row, col = window.row // step, window.col // step
        index[row : row + part.shape[0], col : col + part.shape[1]] = part
    figure, axes = plt.subplots(figsize=(8, 8 * height / width + 0.4), layout="constrained")
    axes.imshow(paint(index, raster.legend), interpolation="nearest")
    axes.set_axis_off()
    colors = np.array(raster.legend.colors) / 255
    handles = [
        Patch(color=tuple(color), label=name)
        for color, name in zip(colors, raster.legend.names, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.savefig(options.out, dpi=100)
    print(f"Picture: {options.out}")


if __name__ == "__main__":
    main()
