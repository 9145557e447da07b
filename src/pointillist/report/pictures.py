"""Pictures of scenes, points and maps as PNG."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import InputError
from pointillist.legend import Legend
from pointillist.report.files import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PX = 1000
UNCLASSED = 0.93  # grey of pixels without a class

Picture = NDArray[np.float32]


def side_by_side(
    scene: ArrayLike,
    rowcol: ArrayLike,
    index: ArrayLike,
    map_index: ArrayLike,
    truth_index: ArrayLike | None,
    legend: Legend,
    path: str | os.PathLike[str],
    title: str = "",
    *,
    overwrite: bool = False,
) -> Path:
    """Draw scene, labelled points, map and truth beside each other with one legend.

    Args:
        scene: (H, W, 3) or (B, H, W) values, the first three bands as red, green, blue (one band:
            grey). uint8 is shown as it is, anything else stretched between its 2 % and 98 %
            quantiles. NaN is shown as no data.
        rowcol: (N, 2) pixels of the points.
        index: (N,) their classes.
        map_index: (H, W) class indices, −1 where there is none.
        truth_index: The same of the truth; None leaves its panel out.
        legend: Names and colours.
        path: PNG file.
        title: Above the panels.
        overwrite: Replace a file that exists.

    Returns:
        The path.

    Raises:
        InputError: Arrays of different sizes.
        OutputExistsError: The file exists and `overwrite` is not set.
    """
    from matplotlib.figure import Figure

    picture = stretch(scene)
    _check_shapes(picture.shape[:2], map_index, truth_index)
    step = max(1, -(-max(picture.shape[:2]) // MAX_PX))
    small = _shrink(picture, step)
    classes = [("Map", map_index), *([("Truth", truth_index)] if truth_index is not None else [])]
    panels = [("Scene", small), (f"{len(np.atleast_2d(rowcol)):,} points", _pale(small))]
    panels += [(name, paint(np.asarray(c)[::step, ::step], legend)) for name, c in classes]
    width = 3.1 * len(panels)
    height = 3.1 * small.shape[0] / small.shape[1] + 0.4 + (0.35 if title else 0)
    figure = Figure(figsize=(width, height), dpi=200)
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.04, wspace=0.02)
    for axes, (name, image) in zip(np.ravel(figure.subplots(1, len(panels))), panels, strict=True):
        axes.imshow(image, interpolation="antialiased")
        axes.set_title(name, fontsize=10, color="#1f2328", pad=5)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(color="#9aa1a6", linewidth=0.6)
    _draw_points(figure.axes[1], np.asarray(rowcol), np.asarray(index), step, legend)
    figure.legend(handles=_handles(legend), loc="outside lower center", ncols=min(len(legend), 8),
                  frameon=False, fontsize=9, handlelength=1, handleheight=1)  # fmt: skip
    if title:
        figure.suptitle(title, fontsize=12, x=0.01, ha="left", color="#1f2328")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white")
    return write_file(path, buffer.getvalue(), overwrite=overwrite)


def stretch(scene: ArrayLike) -> Picture:
    """Turn a scene into a picture (H, W, 3) of values 0…1; see `side_by_side` for the input."""
    values = np.asarray(scene)
    if values.ndim == 2:
        values = values[..., None]
    elif values.ndim == 3 and values.shape[-1] not in (3, 4):
        values = np.moveaxis(values, 0, -1)
    if values.ndim != 3:
        raise InputError(f"Expected a scene (H, W, 3) or (B, H, W), got {values.shape}.")
    values = values[..., :3] if values.shape[-1] >= 3 else np.repeat(values[..., :1], 3, axis=-1)
    if values.dtype == np.uint8:
        return np.asarray(values / np.float32(255), dtype=np.float32)
    known = np.isfinite(values).all(axis=-1)
    numbers = values.astype(np.float32)
    if not known.any():
        return np.full(numbers.shape, UNCLASSED, dtype=np.float32)
    low, high = np.percentile(numbers[known][:: max(1, known.sum() // 1_000_000)], (2, 98), axis=0)
    shown = np.clip((numbers - low) / np.maximum(high - low, 1e-6), 0, 1)
    shown[~known] = UNCLASSED
    return np.asarray(shown, dtype=np.float32)


def paint(index: ArrayLike, legend: Legend) -> Picture:
    """Class indices (H, W) in the legend's colours (H, W, 3), values 0…1; −1 in light grey."""
    colors = np.array([*legend.colors, (255 * UNCLASSED,) * 3], dtype=np.float32) / 255
    return np.asarray(colors[np.asarray(index)], dtype=np.float32)


def _shrink(picture: Picture, step: int) -> Picture:
    """Average squares of `step` pixels; the ragged edge is cut off."""
    if step == 1:
        return picture
    h, w = (n // step for n in picture.shape[:2])
    squares = picture[: h * step, : w * step].reshape(h, step, w, step, 3)
    return np.asarray(squares.mean(axis=(1, 3)), dtype=np.float32)


def _pale(picture: Picture) -> Picture:
    """A quiet ground for points: half grey, half white."""
    grey = picture.mean(axis=-1, keepdims=True)
    return np.asarray(0.55 + 0.45 * (0.7 * grey + 0.3 * picture), dtype=np.float32)


def _draw_points(
    axes: Axes, rowcol: NDArray[np.int64], index: NDArray[np.int64], step: int, legend: Legend
) -> None:
    if not len(rowcol):
        return
    size = float(np.clip(3200 / len(rowcol), 3, 18))
    at = (rowcol + 0.5) / step - 0.5
    axes.scatter(at[:, 1], at[:, 0], s=size, c=np.array(legend.colors)[index] / 255,
                 edgecolors="#101315", linewidths=0.18 * size**0.5, clip_on=True)  # fmt: skip


def _handles(legend: Legend) -> list[object]:
    from matplotlib.patches import Patch

    return [
        Patch(facecolor="#{:02x}{:02x}{:02x}".format(*c.color), edgecolor="#4a4f53",
              linewidth=0.4, label=c.name)
        for c in legend.classes
    ]  # fmt: skip


def _check_shapes(
    shape: tuple[int, ...], map_index: ArrayLike, truth_index: ArrayLike | None
) -> None:
    for name, values in (("map", map_index), ("truth", truth_index)):
        if values is not None and np.shape(values) != shape:
            raise InputError(
                f"Expected a {name} of the scene's size {shape}, got {np.shape(values)}. "
                "Cut both to the same window."
            )
