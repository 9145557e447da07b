"""Tiny trees in each publisher's layout: right names, codes, colours, splits, and known defects.

Every maker returns the truth: class indices (H, W), −1 where ignored, by the name of the sample. At
least two training images, one of validation and one of test, each with all classes in blocks large
enough to learn: images are coloured by class, with noise.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image

from pointillist.data.benchmarks import agriculture_vision, deepglobe, isprs, loveda, openearthmap
from pointillist.data.benchmarks.layout import held_out_half

Truth = dict[str, NDArray[np.int64]]

IGNORED_ROWS = 8  # at the bottom of every mask
HALVES = {"val": 1, "test": 1}


def class_blocks(
    rng: np.random.Generator, n_classes: int, size_px: int, n_blocks: int = 4
) -> NDArray[np.int64]:
    """A mask (H, W) of blocks, every class in at least one; its last rows are −1."""
    cells = np.resize(rng.permutation(n_classes), n_blocks**2)
    cells = rng.permutation(cells).reshape(n_blocks, n_blocks)
    edge = -(-size_px // n_blocks)
    mask = np.kron(cells, np.ones((edge, edge), dtype=np.int64))[:size_px, :size_px]
    mask[-IGNORED_ROWS:] = -1
    return mask


def paint_bands(
    rng: np.random.Generator, mask: NDArray[np.int64], n_bands: int = 3
) -> NDArray[np.uint8]:
    """An image (H, W, B) whose colour says the class, with noise."""
    n = int(mask.max()) + 1
    hues = [colorsys.hsv_to_rgb(i / n, 0.7, 0.5 + 0.4 * (i % 2)) for i in range(n)]
    palette = np.array([(*hue, hue[0]) for hue in hues] + [(0.1,) * 4])[:, :n_bands] * 255
    noisy = palette[mask] + rng.normal(0, 6, (*mask.shape, n_bands))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def paint_colors(
    mask: NDArray[np.int64], colors: Sequence[tuple[int, int, int]], ignored: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """A mask (H, W, 3) of class colours."""
    return np.array([*colors, ignored], dtype=np.uint8)[mask]


def save(path: Path, array: NDArray[np.uint8]) -> None:
    """Write (H, W) or (H, W, B) as what the name says: a tiled TIFF, a PNG or a JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".tif":
        Image.fromarray(array).save(path, quality=98)
        return
    bands = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "height": bands.shape[1],
        "width": bands.shape[2],
        "dtype": "uint8",
        "transform": rasterio.Affine(0.05, 0, 366000, 0, -0.05, 5808000),
        "tiled": True,
        "blockxsize": 64,
        "blockysize": 64,
        "compress": "lzw",
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(bands)


def make_potsdam(
    root: Path,
    *,
    size_px: int = 128,
    seed: int = 0,
    labels: str = "5_Labels_all",
    images: str = "2_Ortho_RGB",
    inexact: bool = False,
) -> Truth:
    """ISPRS Potsdam: `2_Ortho_RGB` or `4_Ortho_RGBIR`, labels with boundaries or without.

    Args:
        labels: Folder of labels, `.` for the root; one whose name ends in `oundary` holds labels
            without boundaries, black around the edges of blocks.
        images: Folder of images; one that ends in `RGBIR` holds four bands.
        inexact: Add the tiles 4_12 (train), whose colours were saved with loss, and 6_7 (val), in
            which cars are 252,255,0.
    """
    tiles = ["2_10", "3_10", "2_11", "2_13"] + (["4_12", "6_7"] if inexact else [])
    kind = "RGBIR" if images.endswith("RGBIR") else "RGB"
    n_bands = 4 if kind == "RGBIR" else 3
    ending = "label_noBoundary" if labels.endswith("oundary") else "label"
    truth: Truth = {}
    for i, tile in enumerate(tiles):
        rng = np.random.default_rng([seed, i])
        mask = class_blocks(rng, len(isprs.LEGEND), size_px)
        colored = _isprs_labels(mask, without_boundaries="noBoundary" in ending)
        if tile == "6_7":
            colored[(colored == isprs.LEGEND.colors[4]).all(axis=2)] = (252, 255, 0)
        if tile == "4_12":
            colored = _blur_values(rng, colored)
        save(root / images / f"top_potsdam_{tile}_{kind}.tif", paint_bands(rng, mask, n_bands))
        save(root / labels / f"top_potsdam_{tile}_{ending}.tif", colored)
        truth[f"top_potsdam_{tile}_{kind}"] = _truth(mask, ending)
    return truth


def make_vaihingen(
    root: Path, *, size_px: int = 128, seed: int = 0, complete: bool = True, eroded: bool = False
) -> Truth:
    """ISPRS Vaihingen: `top` and `gts_for_participants`, and the ground truth `COMPLETE`.

    Args:
        complete: Labels of the test areas too.
        eroded: All labels without boundaries only, black around the edges of blocks.
    """
    truth: Truth = {}
    for i, area in enumerate(["1", "3", "11", "2"]):
        rng = np.random.default_rng([seed, 1, i])
        mask = class_blocks(rng, len(isprs.LEGEND), size_px)
        name = f"top_mosaic_09cm_area{area}"
        save(root / "top" / f"{name}.tif", paint_bands(rng, mask))
        folder = "ISPRS_semantic_labeling_Vaihingen_ground_truth_COMPLETE"
        if eroded:
            folder = folder.replace("COMPLETE", "eroded_COMPLETE")
        elif area != "2":
            folder = "gts_for_participants"
        ending = "_noBoundary" if eroded else ""
        if complete or area != "2":
            save(root / folder / f"{name}{ending}.tif", _isprs_labels(mask, eroded))
        truth[name] = _truth(mask, ending)
    return truth


def make_deepglobe(
    root: Path,
    *,
    size_px: int = 128,
    seed: int = 0,
    folder: str = "land-train",
    exact: bool = False,
) -> Truth:
    """DeepGlobe: `{id}_sat.jpg` and `{id}_mask.png`, whose values are not always 0 or 255.

    Args:
        folder: `land-train` or `train`; `valid` beside it has images only, as published.
        exact: Masks of 0 and 255 only.
    """
    numbers = map(str, range(100694, 101694))
    truth: Truth = {}
    for i, name in enumerate(
        _choose(numbers, deepglobe.split_of, {"train": 2, "val": 1, "test": 1})
    ):
        rng = np.random.default_rng([seed, 2, i])
        mask = class_blocks(rng, len(deepglobe.LEGEND), size_px)
        colored = paint_colors(mask, deepglobe.LEGEND.colors, deepglobe.UNKNOWN)
        save(root / folder / f"{name}_sat.jpg", paint_bands(rng, mask))
        save(root / folder / f"{name}_mask.png", colored if exact else _blur_values(rng, colored))
        truth[name] = mask
    save(root / "valid" / "998_sat.jpg", paint_bands(rng, mask))
    return truth


def make_agriculture_vision(
    root: Path,
    *,
    size_px: int = 128,
    seed: int = 0,
    year: int = 2021,
    overlap: bool = False,
) -> Truth:
    """Agriculture-Vision: images, a layer per pattern, boundaries and masks.

    Args:
        year: 2020 (6 patterns) or 2021 (8 and `storm_damage`).
        overlap: Put the first pattern over the first 16 rows of all others too.
    """
    patterns = agriculture_vision.CLASSES_2020 if year == 2020 else agriculture_vision.CLASSES_2021
    fields = (f"F{i:08d}" for i in range(1000))
    numbers = (f"V{i:08d}" for i in range(1000))
    held_out = _choose(numbers, lambda f: held_out_half(f"agriculture-vision/{f}"), HALVES)
    chosen = [("train", next(fields)), ("train", next(fields)), *(("val", f) for f in held_out)]
    truth: Truth = {}
    for i, (split, field) in enumerate(chosen):
        rng = np.random.default_rng([seed, 3, i])
        mask = class_blocks(rng, len(patterns) + 1, size_px)
        name, folder = f"{field}_0-0-{size_px}-{size_px}", root / split
        bands = paint_bands(rng, mask, 4)
        save(folder / "images" / "rgb" / f"{name}.jpg", bands[..., :3])
        save(folder / "images" / "nir" / f"{name}.jpg", bands[..., 3])
        full = mask.copy()
        layers = {p: mask == k for k, p in enumerate(patterns, start=1)}
        if overlap:
            layers[patterns[0]][:16] = True
            full[:16][mask[:16] == 0] = 1
            full[:16][mask[:16] > 1] = -1
        if year == 2021:
            layers["storm_damage"] = np.zeros(mask.shape, dtype=bool)
            layers["storm_damage"][:, -4:] = True
            full[:, -4:] = -1
        for pattern, inside in layers.items():
            save(folder / "labels" / pattern / f"{name}.png", _binary(inside))
        boundary, valid = mask >= 0, np.ones(mask.shape, dtype=bool)
        valid[:, :3] = False
        full[:, :3] = -1
        save(folder / "boundaries" / f"{name}.png", _binary(boundary))
        save(folder / "masks" / f"{name}.png", _binary(valid))
        truth[name] = full
    return truth


def make_loveda(root: Path, *, size_px: int = 128, seed: int = 0) -> Truth:
    """LoveDA: `Train` and `Val`, each of `Rural` and `Urban`; `Test` has images only."""
    numbers = (f"Urban/{i}" for i in range(3514, 4191))
    held_out = _choose(numbers, lambda name: held_out_half(f"loveda/{name}"), HALVES)
    chosen = [("Train", "Rural/0"), ("Train", "Urban/1366"), *(("Val", n) for n in held_out)]
    truth: Truth = {}
    for i, (split, name) in enumerate(chosen):
        rng = np.random.default_rng([seed, 4, i])
        mask = class_blocks(rng, len(loveda.LEGEND), size_px)
        scene, number = name.split("/")
        save(root / split / scene / "images_png" / f"{number}.png", paint_bands(rng, mask))
        save(root / split / scene / "masks_png" / f"{number}.png", (mask + 1).astype(np.uint8))
        truth[name] = mask
    save(root / "Test" / "Rural" / "images_png" / "4191.png", paint_bands(rng, mask))
    return truth


def make_openearthmap(
    root: Path, *, size_px: int = 128, seed: int = 0, without_xbd: bool = False
) -> Truth:
    """OpenEarthMap: `train.txt`, `val.txt`, `test.txt` and a folder per region.

    Args:
        without_xbd: List training images of xBD whose labels are there and whose images are not.
    """
    published = iter(["aachen_11.tif", "aachen_39.tif", "el_rodeo_18.tif", "el_rodeo_8.tif",
                      "kujawsko-pomorskie_20.tif", "al_qurnah_12.tif"])  # fmt: skip
    held_out = _choose(published, lambda name: held_out_half(f"openearthmap/{name}"), HALVES)
    train = ["aachen_1.tif", "el_rodeo_1.tif"]
    lists = {"train": train, "val": held_out, "test": ["aachen_2.tif"]}
    truth: Truth = {}
    for i, name in enumerate([*train, *held_out, *lists["test"]]):
        rng = np.random.default_rng([seed, 5, i])
        mask = class_blocks(rng, len(openearthmap.LEGEND), size_px)
        folder = root / name.rpartition("_")[0]
        save(folder / "images" / name, paint_bands(rng, mask))
        if name not in lists["test"]:
            save(folder / "labels" / name, (mask + 1).astype(np.uint8))
            truth[Path(name).stem] = mask
    if without_xbd:
        for region in ("joplin", "santa_rosa"):
            train.append(f"{region}_1.tif")
            save(root / region / "labels" / train[-1], (mask + 1).astype(np.uint8))
    for split, names in lists.items():
        (root / f"{split}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return truth


def make_folders(root: Path, *, seed: int = 0, legend: bool = False) -> Truth:
    """Images and masks in two folders: the colours of ISPRS, or codes with a legend beside them."""
    truth: Truth = {}
    for i in range(6):
        rng = np.random.default_rng([seed, i])
        mask = class_blocks(rng, len(isprs.LEGEND), 128)
        truth[f"tile{i}"] = mask
        save(root / "images" / f"tile{i}.png", paint_bands(rng, mask))
        coded = np.where(mask < 0, 255, mask + 1).astype(np.uint8)
        colored = paint_colors(mask, isprs.LEGEND.colors, isprs.CLUTTER)
        save(root / "masks" / f"tile{i}_mask.png", coded if legend else colored)
    if legend:
        isprs.LEGEND.write(root / "legend.yaml")
    return truth


MAKERS: dict[str, Callable[[Path], Truth]] = {
    "potsdam": make_potsdam,
    "vaihingen": make_vaihingen,
    "deepglobe": make_deepglobe,
    "agriculture-vision": make_agriculture_vision,
    "loveda": make_loveda,
    "openearthmap": make_openearthmap,
    "folders": make_folders,
}


def _isprs_labels(mask: NDArray[np.int64], without_boundaries: bool) -> NDArray[np.uint8]:
    colored = paint_colors(mask, isprs.LEGEND.colors, isprs.CLUTTER)
    if without_boundaries:
        colored[_edges(mask)] = isprs.BOUNDARY
    return colored


def _truth(mask: NDArray[np.int64], ending: str) -> NDArray[np.int64]:
    return np.where(_edges(mask), -1, mask) if "noBoundary" in ending else mask


def _edges(mask: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pixels beside another class."""
    padded = np.pad(mask, 1, mode="edge")
    moved = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    return np.any([m != mask for m in moved], axis=0)


def _blur_values(rng: np.random.Generator, colored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Values near 0 and 255, as lossy saving leaves them."""
    off = rng.integers(1, 60, colored.shape)
    return np.where(colored > 127, 255 - off, off).astype(np.uint8)


def _binary(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(inside, 255, 0).astype(np.uint8)


def _choose(
    names: Iterable[str], split_of: Callable[[str], str], wanted: dict[str, int]
) -> list[str]:
    """The first names of each split, as many as are wanted of each."""
    left = dict(wanted)
    chosen: list[str] = []
    for name in names:
        if left.get(split_of(name), 0):
            left[split_of(name)] -= 1
            chosen.append(name)
        if not any(left.values()):
            return chosen
    raise AssertionError(f"Too few names for {wanted}.")
