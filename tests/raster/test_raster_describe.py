"""What `info` says of a raster."""

from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import MissingFileError, UnreadableFileError
from pointillist.grid import Grid
from pointillist.legend import Legend
from pointillist.raster import describe, write_array


def test_a_scene(make_raster) -> None:
    path = make_raster(np.zeros((2, 30, 40), dtype=np.int16), nodata=-1, band_names=("red", "nir"))
    facts = describe(path)
    assert facts["size"] == "30 rows × 40 columns"
    assert facts["bands"] == ["1 red (int16)", "2 nir (int16)"]
    assert facts["crs"] == "EPSG:32632"
    assert facts["pixel_size"] == [10, 10]
    assert facts["bounds"] == [300_000, 5_699_700, 300_400, 5_700_000]
    assert facts["nodata"] == ["-1.0"]


def test_a_map_names_its_classes(tmp_path) -> None:
    legend = Legend.from_names(["Water", "Road"])
    path = write_array(
        tmp_path / "m.tif", np.ones((4, 4), dtype=np.uint8), Grid(4, 4), legend=legend
    )
    facts = describe(path)
    assert facts["classes"] == ["1 Water", "2 Road"]
    assert facts["crs"] is None
    assert facts["pixel_size"] is None


def test_what_to_know_before_it_is_used(make_raster) -> None:
    rgba = make_raster(np.ones((4, 3, 3), dtype=np.uint8), photometric="rgb", alpha="yes")
    assert "tagged as alpha" in describe(rgba)["notices"][0]
    radar = make_raster(np.ones((3, 3), dtype=np.complex64), "radar.tif")
    facts = describe(radar)
    assert facts["bands"] == ["1 band_1 (complex64)"]
    assert "Expected real numbers" in facts["notices"][0]


def test_what_cannot_be_described(tmp_path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        describe(tmp_path / "no.tif")
    (tmp_path / "text.tif").write_text("x")
    with pytest.raises(UnreadableFileError, match="cannot be opened as a raster"):
        describe(tmp_path / "text.tif")
