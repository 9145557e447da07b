"""Draw an area statement: map, error matrix, areas with intervals, and the truth where it is known.

    python examples/area_figure.py map.tif accuracy.json area.png [--truth truth.json]

Everything but the map is drawn from the JSON of `pointillist assess`. `--truth` is the JSON of a
census, which a real project does not have.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from pointillist.raster import open_class_raster
from pointillist.report import paint

matplotlib.use("agg")
SIDE_PX = 700
INK, QUIET = "#1f2328", "#667077"


def draw(map_path: Path, stated: dict[str, Any], truth: dict[str, Any] | None, out: Path) -> None:
    """Draw the figure.

    Args:
        map_path: The map.
        stated: JSON of a design-based assessment.
        truth: JSON of a census of the same map.
        out: PNG file.
    """
    figure, axes = plt.subplots(
        1, 3, figsize=(12.5, 4.3), layout="constrained", width_ratios=(1, 1.05, 1.25)
    )
    draw_points(axes[0], map_path, stated)
    draw_matrix(axes[1], stated)
    draw_areas(axes[2], stated, truth)
    figure.savefig(out, dpi=110, facecolor="white")


def draw_points(axes: Axes, map_path: Path, stated: dict[str, Any]) -> None:
    """The map, pale, with the reference points: dots where it is right, crosses where wrong."""
    with open_class_raster(map_path) as raster:
        step = max(1, -(-max(raster.grid.shape) // SIDE_PX))
        picture = paint(raster.thin(step), raster.legend)
        places = stated["places"]
        xy = np.stack([places["x"], places["y"]], axis=1)
        rowcol = raster.grid.transform.rowcol(xy) / step
    right = np.array(places["map"]) == np.array(places["reference"])
    axes.imshow(0.5 + 0.5 * picture, interpolation="nearest")
    axes.scatter(*rowcol[right].T[::-1], s=6, c="#17415f", linewidths=0)
    axes.scatter(*rowcol[~right].T[::-1], s=16, c="#c01d0d", marker="x", linewidths=1)
    axes.set_title(f"{right.sum()} points right, {(~right).sum()} wrong", fontsize=10)
    axes.set_axis_off()


def draw_matrix(axes: Axes, stated: dict[str, Any]) -> None:
    """Estimated shares of the area, map classes in rows."""
    shares = np.array(stated["design"]["estimated_matrix"], dtype=float)[: len(stated["classes"])]
    by_column = shares / np.maximum(shares.sum(axis=0), 1e-12)
    right = np.eye(len(shares))[..., None] > 0
    full = np.where(right, (24, 92, 140), (190, 74, 38)) / 255
    axes.imshow(1 - np.sqrt(by_column)[..., None] * (1 - full))
    for (i, j), share in np.ndenumerate(shares):
        ink = "white" if by_column[i, j] > 0.4 else INK
        axes.text(j, i, f"{100 * share:.1f}", ha="center", va="center", fontsize=8.5, color=ink)
    ticks = range(len(shares))
    axes.set_xticks(ticks, stated["classes"], rotation=35, ha="left", fontsize=8.5)
    axes.xaxis.tick_top()
    axes.set_yticks(ticks, stated["classes"], fontsize=8.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("map in rows, reference in columns; % of the area", fontsize=9, color=QUIET)


def draw_areas(axes: Axes, stated: dict[str, Any], truth: dict[str, Any] | None) -> None:
    """Mapped and error-adjusted shares with intervals, and the true ones."""
    for k, entry in enumerate(stated["legend"]):
        name = entry["name"]
        area = stated["area"][name]["proportion"]
        low, high = (100 * limit for limit in area["ci"] or (np.nan, np.nan))
        axes.barh(k, 100 * area["estimate"], 0.5, color=entry["color"])
        axes.plot([low, high], [k, k], color=INK, linewidth=1.4)
        axes.plot([low, high], [k, k], "|", color=INK, markersize=7)
        mapped = 100 * stated["mapped_area"][name]["proportion"]
        axes.barh(k + 0.37, mapped, 0.16, color="white", edgecolor=QUIET, linewidth=0.8)
        if truth is not None:
            axes.plot(100 * truth["area"][name]["proportion"], k, "D", color="white",
                      markeredgecolor=INK, markersize=6, zorder=5)  # fmt: skip
    axes.set_yticks(range(len(stated["legend"])), stated["classes"], fontsize=8.5)
    axes.invert_yaxis()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    words = "bars: estimated, with interval; thin: as mapped" + (
        "; diamond: truth" if truth else ""
    )
    axes.set_xlabel(f"% of the area\n{words}", fontsize=9, color=QUIET)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path)
    parser.add_argument("accuracy", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--truth", type=Path)
    options = parser.parse_args()
    truth = json.loads(options.truth.read_text("utf-8")) if options.truth else None
    draw(options.map, json.loads(options.accuracy.read_text("utf-8")), truth, options.out)


if __name__ == "__main__":
    main()
