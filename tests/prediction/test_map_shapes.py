"""Scenes of any size, grid and layout become valid Cloud-Optimised GeoTIFFs on their own grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from prediction_cases import LEGEND, TRANSFORM, Thresholder, colour_scene, grey, read_raster
from rio_cogeo.cogeo import cog_validate

from pointillist.prediction import OpenVinoEngine, Tiling, TorchEngine, Wanted, predict
from pointillist.prediction import predict_scene as predict_blocks
from pointillist.raster import ArraySource

NODATA = LEGEND.nodata


def _codes(data):
    return np.where(data > 100, 7, 3)


def _is_cog(path: Path) -> bool:
    valid, errors, warnings = cog_validate(path)
    assert not errors
    assert not warnings
    return bool(valid)


@pytest.mark.parametrize(
    ("shape", "block"), [((600, 1100), 512), ((513, 65), 64), ((64, 1), 64), ((1, 129), 128)]
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_every_raster_written_is_a_valid_cog(shape, block, dtype, write_scene, tmp_path) -> None:
    data = grey(*shape)
    predict(
        Thresholder(), write_scene(data), tmp_path / "map.tif", block=block,
        probabilities=tmp_path / "p.tif", uncertainty=tmp_path / "u.tif",
        probabilities_dtype=dtype,
    )  # fmt: skip
    assert all(_is_cog(tmp_path / name) for name in ("map.tif", "p.tif", "u.tif"))
    assert np.array_equal(read_raster(tmp_path / "map.tif"), _codes(data))
    if max(shape) > 512 and min(shape) > 1:
        with rasterio.open(tmp_path / "map.tif") as made:
            assert made.overviews(1)


def test_probabilities_in_half_precision(write_scene, tmp_path) -> None:
    data = grey(300, 280)
    data[:20] = 0
    scene = write_scene(data, nodata=0)
    for dtype in ("float32", "float16"):
        predict(
            Thresholder(), scene, tmp_path / f"{dtype}.tif", probabilities_dtype=dtype,
            probabilities=tmp_path / f"p_{dtype}.tif",
        )  # fmt: skip
    whole, half = (read_raster(tmp_path / f"p_{dtype}.tif") for dtype in ("float32", "float16"))
    assert np.array_equal(np.isnan(half), np.isnan(whole))
    np.testing.assert_allclose(half, whole, atol=0.0005)
    assert not np.array_equal(half[:, 20:], whole[:, 20:])
    sizes = [(tmp_path / f"p_{dtype}.tif").stat().st_size for dtype in ("float32", "float16")]
    assert sizes[1] < 0.7 * sizes[0]


@pytest.mark.parametrize(
    "transform",
    [
        rasterio.Affine(10, 0, 300_000, 0, -25, 5_700_000),
        TRANSFORM @ rasterio.Affine.rotation(33),
        rasterio.Affine(10, 0, 300_000, 0, 10, 5_700_000),
    ],
    ids=["non-square pixels", "rotated", "south up"],
)
def test_odd_grids_are_kept(transform, write_scene, tmp_path) -> None:
    data = grey(70, 90)
    scene = write_scene(data, transform=transform)
    predict(Thresholder(), scene, tmp_path / "map.tif", block=64, probabilities=tmp_path / "p.tif")
    assert np.array_equal(read_raster(tmp_path / "map.tif"), _codes(data))
    for name in ("map.tif", "p.tif"):
        with rasterio.open(tmp_path / name) as made:
            assert made.transform.almost_equals(transform)


def _write_sparse_vrt(path: Path, tile: Path, side: int) -> None:
    """Two tiles of 100 px in opposite corners of a mosaic, nothing between them."""
    sources = "".join(
        f"""<SimpleSource><SourceFilename relativeToVRT="1">{tile.name}</SourceFilename>
        <SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" xSize="100" ySize="100"/>
        <DstRect xOff="{at}" yOff="{at}" xSize="100" ySize="100"/></SimpleSource>"""
        for at in (0, side - 100)
    )
    path.write_text(
        f"""<VRTDataset rasterXSize="{side}" rasterYSize="{side}">
        <GeoTransform>300000, 10, 0, 5700000, 0, -10</GeoTransform>
        <VRTRasterBand dataType="Byte" band="1"><NoDataValue>0</NoDataValue>{sources}
        </VRTRasterBand></VRTDataset>"""
    )


def test_only_blocks_with_data_of_a_sparse_mosaic_are_computed(write_scene, tmp_path) -> None:
    data = grey(100, 100)
    tile = write_scene(data, "tile.tif", nodata=0)
    _write_sparse_vrt(tmp_path / "mosaic.vrt", tile, 5000)
    model = Thresholder()
    predict(model, tmp_path / "mosaic.vrt", tmp_path / "map.tif", block=256)
    assert len(model.seen) == 2  # of 400 blocks
    codes = read_raster(tmp_path / "map.tif")
    assert np.array_equal(codes[:100, :100], _codes(data))
    assert np.array_equal(codes[-100:, -100:], _codes(data))
    assert (codes != NODATA).sum() == 2 * data.size
    assert _is_cog(tmp_path / "map.tif")


class _Counting(TorchEngine):
    n_calls = 0

    def scores(self, prepared, crop):
        self.n_calls += 1
        return super().scores(prepared, crop)


def test_the_network_is_not_run_where_a_core_has_no_data(tiny_network) -> None:
    image, _ = colour_scene(256, 256, np.random.default_rng(1))
    valid = np.zeros((256, 256), dtype=bool)
    valid[:64, 100:140] = True
    engine = _Counting(tiny_network)
    blocks = Tiling(64, 32, 32).plan((256, 256))
    found = predict_blocks(ArraySource(image, valid), blocks, engine, Wanted())
    assert sum(result is not None for _, result in found) == 2
    assert engine.n_calls == 2  # columns 100–139 touch the cores 64–127 and 128–191


@pytest.mark.parametrize("shape", [(1, 1), (1, 97), (33, 1), (129, 65), (31, 33)])
def test_networks_take_leftovers_of_one_pixel(shape, tiny_network) -> None:
    image, _ = colour_scene(160, 160, np.random.default_rng(4))
    image = image[:, : shape[0], : shape[1]]
    whole = tiny_network.predict(image).argmax(axis=0)
    for engine in (TorchEngine(tiny_network), OpenVinoEngine(tiny_network)):
        got = np.full(shape, -2)
        blocks = Tiling.of_model(tiny_network, 64, 128).plan(shape)
        for block, result in predict_blocks(ArraySource(image), blocks, engine, Wanted()):
            got[block.core.slices] = result.index
        assert (got != whole).mean() <= 0.001
