"""An exported file in the hands of the QGIS plugin Deepness: the classes of `predict`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from export_cases import (
    NAMES,
    UTM,
    Deepness,
    blotches,
    make_card,
    make_ensemble,
    make_forest,
    make_network,
)

import pointillist
from pointillist.legend import Legend
from pointillist.models import TrainedModel
from pointillist.models.card import ModelCard, Normalisation


def _write(path: Path, image: np.ndarray) -> Path:
    grid = rasterio.Affine(0.5, 0, 300_000, 0, -0.5, 5_700_000)
    with rasterio.open(
        path, "w", driver="GTiff", count=len(image), height=image.shape[1], width=image.shape[2],
        dtype=image.dtype, crs=UTM, transform=grid,
    ) as file:  # fmt: skip
        file.write(image)
    return path


def _map(model: TrainedModel, image: np.ndarray, folder: Path) -> np.ndarray:
    """Class indices as `predict` writes them."""
    scene, out = _write(folder / "scene.tif", image), folder / "map.tif"
    pointillist.predict(model, scene, out, engine="torch", precision="fp32", device="cpu")
    with rasterio.open(out) as file:
        return model.legend.to_indices(file.read(1))


def _compare(model: TrainedModel, image: np.ndarray, folder: Path, tile: int) -> Deepness:
    plugin = Deepness(pointillist.export(model, folder / "model.onnx", tile=tile))
    found, expected = plugin.map_layer(image), _map(model, image, folder)
    assert len(np.unique(expected)) > 1
    ranked = np.sort(model.predict(image), axis=0)
    decided = ranked[-1] - ranked[-2] > 1e-5  # trees that vote alike leave a class to rounding
    assert decided.mean() > 0.95
    # at the right and at the bottom Deepness shows the model black pixels, `predict` none
    inner = (slice(0, -model.halo_px), slice(0, -model.halo_px))
    assert (found != expected)[inner][decided[inner]].mean() <= 0.001
    assert (found != expected).mean() <= 0.05
    return plugin


@pytest.mark.parametrize("kind", ["network", "forest", "ensemble"])
def test_the_same_classes_as_predict(kind, tmp_path):
    image, mask = blotches(300, 420)
    forest = make_forest(image, mask, make_card(3))
    network = make_network("linknet")
    model = {"network": network, "forest": forest, "ensemble": make_ensemble(network, forest)}[kind]
    plugin = _compare(model, image, tmp_path, tile=256)
    assert plugin.model_type == "Segmentor"
    assert plugin.class_names == list(NAMES)
    assert plugin.resolution_cm == 50.0


@pytest.mark.realdata
def test_the_same_classes_on_a_city(real_data, tmp_path):
    folder = real_data / "dubai"
    window = rasterio.windows.Window(400, 500, 420, 360)
    with rasterio.open(folder / "dubai2_image.tif") as file:
        image = file.read(window=window)
    with rasterio.open(folder / "dubai2_mask.tif") as file:
        mask = np.where(file.read(1, window=window) == 255, 1, file.read(1, window=window))
    legend = Legend.from_names(["Building", "Land", "Road", "Vegetation", "Water"])
    norm = Normalisation(tuple(image.mean((1, 2))), tuple(image.std((1, 2))))
    card = ModelCard(legend, ("red", "green", "blue"), norm, 0.5, UTM)
    _compare(make_forest(image, mask, card), image, tmp_path, tile=256)


def test_files_for_any_size_are_not_for_deepness(tmp_path):
    path = pointillist.export(make_network("linknet"), tmp_path / "model.onnx")
    with pytest.raises((TypeError, ValueError), match=r"square|unexpected type"):
        Deepness(path)
