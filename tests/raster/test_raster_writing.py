"""Maps and bands in files: complete or not there, valid COGs, with colours and names."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rio_cogeo import cog_validate

from pointillist.errors import GridError, OutputError, OutputExistsError
from pointillist.grid import Grid, Transform, Window, iter_windows
from pointillist.legend import Legend
from pointillist.raster import (
    BandWriter,
    MapWriter,
    check_output,
    open_class_raster,
    open_scene,
    write_array,
)

LEGEND = Legend.from_names(["Water", "Wiese & Weide"], codes=[3, 40])
UTM = Transform(10, 0, 300_000, 0, -10, 5_700_000)


def _grid(height: int, width: int) -> Grid:
    return Grid(height, width, UTM, "EPSG:32632")


def _write_map(path: Path, codes: np.ndarray, legend: Legend = LEGEND) -> Path:
    with MapWriter(path, _grid(*codes.shape), legend) as writer:
        for window in iter_windows(codes.shape, 300):
            writer.write(window, codes[window.slices])
    return path


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (37, 53), (1100, 1300)])
def test_a_map_is_a_valid_cog_of_any_size(shape, tmp_path: Path, rng) -> None:
    codes = rng.choice([3, 40, 255], shape).astype(np.uint8)
    path = _write_map(tmp_path / "map.tif", codes)
    valid, errors, _ = cog_validate(path, strict=shape[1] > 1)
    assert valid, errors
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), codes)
        assert file.transform[:6] == UTM.coefficients
        assert file.crs.to_epsg() == 32632
        assert file.nodata == 255
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.qml", "map.tif", "map.tif.aux.xml"]


def test_colours_and_names_are_in_the_file(tmp_path: Path) -> None:
    path = _write_map(tmp_path / "map.tif", np.full((20, 20), 3, dtype=np.uint8))
    with rasterio.open(path) as file:
        table = file.colormap(1)
        assert table[3] == (*LEGEND.colors[0], 255)
        assert table[40] == (*LEGEND.colors[1], 255)
        assert table[255][3] == 0
        assert file.colorinterp == (ColorInterp.palette,)
    with open_class_raster(path) as raster:
        assert raster.legend == LEGEND
    assert Legend.read(tmp_path / "map.qml") == LEGEND
    pam = (tmp_path / "map.tif.aux.xml").read_text()
    assert "GDALRasterAttributeTable" in pam
    assert "Wiese &amp; Weide" in pam


def test_codes_above_254_make_a_map_of_two_bytes(tmp_path: Path) -> None:
    legend = Legend.from_names(["a", "b"], codes=[0, 700])
    codes = np.array([[0, 700, 65535]], dtype=np.uint16)
    path = _write_map(tmp_path / "map.tif", codes, legend)
    with rasterio.open(path) as file:
        assert file.dtypes == ("uint16",)
        assert file.nodata == 65535
    with open_class_raster(path) as raster:
        assert raster.read(Window(0, 0, 1, 3)).tolist() == [[0, 1, -1]]


def test_overviews_show_the_commonest_class_and_invent_none(tmp_path: Path, rng) -> None:
    codes = np.full((1500, 1500), 3, dtype=np.uint8)
    codes[rng.random(codes.shape) < 0.2] = 40
    path = _write_map(tmp_path / "map.tif", codes)
    with rasterio.open(path, overview_level=0) as overview:
        seen = overview.read(1)
    assert set(np.unique(seen)) <= {3, 40}
    assert (seen == 3).mean() > 0.87  # 80 % before


def test_overviews_of_probabilities_are_means(tmp_path: Path) -> None:
    values = np.zeros((1, 1200, 1200), dtype=np.float32)
    values[:, ::2] = 1
    with BandWriter(tmp_path / "p.tif", _grid(1200, 1200), ["p"]) as writer:
        writer.write(Window(0, 0, 1200, 1200), values)
    with rasterio.open(tmp_path / "p.tif", overview_level=0) as overview:
        np.testing.assert_allclose(overview.read(1), 0.5)


def test_bands_of_bytes_say_their_scale(tmp_path: Path) -> None:
    values = np.array([[[0, 0.5, 1.0, np.nan]], [[0.25, 0.1, 0, np.nan]]], dtype=np.float32)
    with BandWriter(tmp_path / "p.tif", _grid(1, 4), ["Water", "Road"], dtype="uint8") as writer:
        writer.write(Window(0, 0, 1, 4), values)
    with rasterio.open(tmp_path / "p.tif") as file:
        assert file.descriptions == ("Water", "Road")
        stored = file.read(masked=True)
        np.testing.assert_allclose(
            stored.filled(0) * file.scales[0], np.nan_to_num(values), atol=1 / 500
        )
        assert stored.mask[:, 0, 3].all()
    with BandWriter(tmp_path / "f.tif", _grid(1, 4), ["a", "b"]) as writer:
        writer.write(Window(0, 0, 1, 4), values)
    with rasterio.open(tmp_path / "f.tif") as file:
        np.testing.assert_array_equal(file.read(), values)


def test_what_is_never_written_is_nodata(tmp_path: Path) -> None:
    with MapWriter(tmp_path / "map.tif", _grid(600, 600), LEGEND) as writer:
        writer.write(Window(10, 10, 5, 5), np.full((5, 5), 3))
    with rasterio.open(tmp_path / "map.tif") as file:
        values = file.read(1)
    assert (values == 3).sum() == 25
    assert (values == 255).sum() == 600 * 600 - 25


def test_values_must_fit_their_window(tmp_path: Path) -> None:
    with MapWriter(tmp_path / "map.tif", _grid(10, 10), LEGEND) as writer:
        for window in (Window(0, 0, 3, 3), Window(8, 8, 4, 4)):
            with pytest.raises(GridError, match="inside the raster of"):
                writer.write(window, np.zeros((4, 4)))
    with pytest.raises(GridError, match=r"array of \(10, 10\)"):
        write_array(tmp_path / "a.tif", np.zeros((3, 9, 10)), _grid(10, 10))


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with MapWriter(tmp_path / "map.tif", _grid(10, 10), LEGEND):
            assert list(tmp_path.iterdir()) != []
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_no_final_file(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal; import numpy as np\n"
        "from pointillist.grid import Grid, Window; from pointillist.legend import Legend\n"
        "from pointillist.raster import MapWriter\n"
        "w = MapWriter(sys.argv[1], Grid(900, 900), Legend.from_names(['a']))\n"
        "w.write(Window(0, 0, 900, 900), np.ones((900, 900)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "map.tif")], check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "map.tif").exists()
    assert all(path.name.startswith(".map") for path in tmp_path.iterdir())


def test_outputs_are_checked_before_any_work(tmp_path: Path) -> None:
    there = tmp_path / "there.tif"
    there.touch()
    with pytest.raises(OutputExistsError, match="--overwrite"):
        check_output(there)
    assert check_output(there, overwrite=True) == there
    with pytest.raises(OutputError, match=r"does not exist\. Make it first"):
        check_output(tmp_path / "no" / "map.tif")
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path)
    for writer in (
        lambda: MapWriter(there, _grid(2, 2), LEGEND),
        lambda: BandWriter(there, _grid(2, 2), ["a"]),
        lambda: write_array(there, np.zeros((2, 2)), _grid(2, 2)),
    ):
        with pytest.raises(OutputExistsError, match="exists already"):
            writer()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written to"):
        check_output(tmp_path / "map.tif")


def test_an_old_map_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = _write_map(tmp_path / "map.tif", np.full((20, 20), 3, dtype=np.uint8))
    writer = MapWriter(path, _grid(20, 20), LEGEND, overwrite=True)
    writer.write(Window(0, 0, 20, 20), np.full((20, 20), 40))
    with rasterio.open(path) as file:
        assert (file.read(1) == 3).all()
    writer.close()
    with rasterio.open(path) as file:
        assert (file.read(1) == 40).all()
    assert writer.close() == path  # closing twice is no harm


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files may have 40 kB at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_is_told_by_every_writer(small_disk: None, tmp_path: Path, rng) -> None:
    noise = rng.random((1, 700, 700)).astype(np.float32)
    bytes_ = rng.choice([3, 40], (1, 700, 700)).astype(np.uint8)
    target = tmp_path / "map.tif"
    with pytest.raises(OutputError, match="cannot be written"):
        _write_map(target, bytes_[0])
    with (
        pytest.raises(OutputError, match="cannot be written"),
        BandWriter(target, _grid(700, 700), ["p"]) as writer,
    ):
        writer.write(Window(0, 0, 700, 700), noise)
    with pytest.raises(OutputError, match="cannot be written"):
        write_array(target, bytes_, _grid(700, 700))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_whole_arrays_come_back(dtype, count, tmp_path: Path, rng) -> None:
    array = rng.integers(1, 200, (count, 40, 30)).astype(dtype)
    names = [f"b{i}" for i in range(count)]
    path = write_array(tmp_path / "a.tif", array, _grid(40, 30), band_names=names, nodata=0)
    with open_scene(path) as scene:
        assert scene.band_names == tuple(names)
        np.testing.assert_array_equal(scene.read(scene.grid.window).data, array)


def test_memory_does_not_grow_with_the_map(tmp_path: Path) -> None:
    code = (
        "import resource, sys; import numpy as np\n"
        "from pointillist.grid import Grid, Window; from pointillist.legend import Legend\n"
        "from pointillist.raster import MapWriter\n"
        "side = int(sys.argv[2])\n"
        "w = MapWriter(sys.argv[1], Grid(side, side), Legend.from_names(['a', 'b']))\n"
        "part = np.random.default_rng(0).integers(1, 3, (512, 512))\n"
        "for r in range(0, side, 512):\n"
        "    for c in range(0, side, 512):\n"
        "        w.write(Window(r, c, 512, 512), part)\n"
        "w.close()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    used = [
        int(
            subprocess.run(
                [sys.executable, "-c", code, str(tmp_path / f"{side}.tif"), str(side)],
                check=True, capture_output=True, text=True,
                env={**os.environ, "GDAL_CACHEMAX": "16"},
            ).stdout
        )
        for side in (1024, 8192)
    ]  # fmt: skip
    assert used[1] - used[0] < 60_000  # kB; the larger map has 66 MB
