"""Maps and bands in files: complete or not there, valid COGs, with colours and names."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

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
    same_crs,
    write_array,
)
from pointillist.raster.writing import _RasterWriter

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


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(Grid(30, 40, Transform(9, 3, 3e5, 2, -11, 57e5), "EPSG:32632"), id="rotated"),
        pytest.param(Grid(30, 40, Transform(5, 0, 3e5, 0, 20, 57e5), "EPSG:32632"), id="south up"),
        pytest.param(Grid(30, 40, Transform(0.1, 0, 12, 0, -0.1, 51), "EPSG:4326"), id="degrees"),
        pytest.param(Grid(30, 40, Transform(2, 0, 9, 0, -2, 9)), id="no system"),
        pytest.param(Grid(30, 40), id="plain image"),
    ],
)
def test_a_map_lies_where_its_scene_lies(place, tmp_path: Path, recwarn) -> None:
    with MapWriter(tmp_path / "map.tif", place, LEGEND) as writer:
        writer.write(place.window, np.full(place.shape, 40))
    with BandWriter(tmp_path / "p.tif", place, ["p"]) as bands:
        bands.write(place.window, np.full((1, *place.shape), 0.5, dtype=np.float32))
    write_array(tmp_path / "a.tif", np.ones(place.shape), place)
    for name in ("map.tif", "p.tif", "a.tif"):
        with open_scene(tmp_path / name) as scene:
            assert scene.grid.transform == place.transform
            assert scene.grid.is_georeferenced == place.is_georeferenced
            assert same_crs(scene.grid.crs, place.crs)
            assert scene.read(place.window).valid.all()
    assert not recwarn.list


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


@pytest.mark.parametrize("codes", [(3, 40), (3, 9000)])
def test_a_class_of_single_pixels_is_not_turned_into_another(codes, tmp_path: Path) -> None:
    legend = Legend.from_names(["land", "islet"], codes=codes)
    array = np.full((1300, 1300), legend.nodata, dtype=legend.dtype)
    array[:, 300:] = codes[0]
    array[::50, ::50] = codes[1]
    path = _write_map(tmp_path / "map.tif", array, legend)
    with rasterio.open(path) as file:
        n_levels = len(file.overviews(1))
    assert n_levels >= 1
    for level in range(n_levels):
        with rasterio.open(path, overview_level=level) as overview:
            assert set(np.unique(overview.read(1))) <= {*codes, legend.nodata}


def test_overviews_of_bytes_leave_nodata_out(tmp_path: Path) -> None:
    values = np.full((2, 1100, 1100), 0.4, dtype=np.float32)
    values[:, ::2] = np.nan
    with BandWriter(tmp_path / "p.tif", _grid(1100, 1100), ["a", "b"], dtype="uint8") as writer:
        writer.write(Window(0, 0, 1100, 1100), values)
    with rasterio.open(tmp_path / "p.tif", overview_level=0) as overview:
        assert set(np.unique(overview.read())) == {100}  # 0.4 · 250


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


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_any_number_of_bands_is_no_picture_with_alpha(count, dtype, tmp_path: Path) -> None:
    values = np.full((count, 3, 4), 0.5, dtype=np.float32)
    names = [f"class {i}" for i in range(count)]
    with BandWriter(tmp_path / "p.tif", _grid(3, 4), names, dtype=dtype) as writer:
        writer.write(Window(0, 0, 3, 4), values)
    with open_scene(tmp_path / "p.tif") as scene:
        assert scene.band_names == tuple(names)
        assert not scene.has_alpha
    with rasterio.open(tmp_path / "p.tif") as file:
        assert not {ColorInterp.alpha, ColorInterp.red} & set(file.colorinterp)


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


def test_side_files_of_an_older_raster_do_not_outlive_it(tmp_path: Path) -> None:
    path = _write_map(tmp_path / "map.tif", np.full((20, 20), 3, dtype=np.uint8))
    for ending in (".ovr", ".msk"):
        (tmp_path / f"map.tif{ending}").touch()
    write_array(path, np.full((20, 20), 7, dtype=np.uint8), _grid(20, 20), overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.qml", "map.tif"]
    (tmp_path / "map.qml").unlink()
    with open_class_raster(path) as raster:
        assert raster.legend.names == ("7",)


def test_types_that_files_do_not_have(tmp_path: Path) -> None:
    mask = np.array([[True, False]])
    for array, kept in ((mask, "uint8"), (mask.astype(np.float16) / 2, "float32")):
        with open_scene(write_array(tmp_path / f"{kept}.tif", array, _grid(1, 2))) as scene:
            assert scene.dtype == kept
            np.testing.assert_array_equal(scene.read(scene.grid.window).data[0], array)


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


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputError, match="cannot be written to"):
        check_output(tmp_path / "map.tif")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files")
def test_a_folder_that_takes_no_files() -> None:
    for writer in (
        lambda path: MapWriter(path, _grid(2, 2), LEGEND),
        lambda path: write_array(path, np.zeros((2, 2)), _grid(2, 2)),
    ):
        with pytest.raises(OutputError, match=r"'/proc/self.*' cannot be written"):
            writer("/proc/self/map.tif")


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
def limit_files() -> Iterator[Callable[[int], None]]:
    """`limit_files(n)`: files may have n bytes at most, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda n_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


def _write_bands(path: Path, values: np.ndarray, dtype: Literal["uint8", "float32"]) -> None:
    with BandWriter(path, _grid(*values.shape[1:]), ["a", "b"], dtype=dtype) as writer:
        writer.write(Window(0, 0, *values.shape[1:]), values)


WRITERS: dict[str, Callable[[Path, np.ndarray], object]] = {
    "map": lambda path, noise: _write_map(path, np.where(noise[0] < 0.5, 3, 40).astype(np.uint8)),
    "floats": lambda path, noise: _write_bands(path, noise, "float32"),
    "bytes": lambda path, noise: _write_bands(path, noise, "uint8"),
    "array": lambda path, noise: write_array(path, noise, _grid(*noise.shape[1:])),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_disk_that_fills_at_any_moment(kind, limit_files, tmp_path: Path, rng) -> None:
    noise = rng.random((2, 600, 600)).astype(np.float32)
    whole, target = tmp_path / "whole.tif", tmp_path / "target" / "map.tif"
    target.parent.mkdir()
    WRITERS[kind](whole, noise)
    with rasterio.open(whole) as file:
        expected, size = file.read(), whole.stat().st_size
    outcomes = {}
    # what is written on the way may be larger than the file: the last limit is far from all of it
    for share in (0.001, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0, 1.05, 1.1, 1.2, 1.6, 99):
        limit_files(int(share * size))
        told = ""
        try:
            WRITERS[kind](target, noise)
        except OutputError as error:
            told = str(error)
        outcomes[share] = told
        if told:
            assert told.startswith(f"'{target}' cannot be written")
            assert ".part." not in told
            assert list(target.parent.iterdir()) == []
            continue
        with rasterio.open(target) as file:
            np.testing.assert_array_equal(file.read(), expected)
        for path in target.parent.iterdir():
            path.unlink()
    assert outcomes[0.001], outcomes
    assert not outcomes[99], outcomes


def test_no_room_for_the_class_names(tmp_path: Path, monkeypatch) -> None:
    write_text = Path.write_text

    def fail_for_styles(path: Path, text: str, **options: str) -> int:
        if ".qml" in path.name:
            raise OSError(28, "No space left on device")
        return write_text(path, text, **options)

    monkeypatch.setattr(Path, "write_text", fail_for_styles)
    with pytest.raises(OutputError, match=r"cannot be written.*\(No space left on device\)"):
        _write_map(tmp_path / "map.tif", np.full((5, 5), 3, dtype=np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("level", [None, 0], ids=["pixels", "overview"])
def test_damage_that_no_call_reports_is_found(level, tmp_path: Path, monkeypatch, rng) -> None:
    make_cog = _RasterWriter._make_cog

    def damage(writer: _RasterWriter) -> None:
        make_cog(writer)
        with rasterio.open(writer._cog) as file:
            start = file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, ovr=level)
        with writer._cog.open("r+b") as cog:
            cog.seek(int(start) + 40)
            cog.write(b"\0" * 60)

    monkeypatch.setattr(_RasterWriter, "_make_cog", damage)
    with pytest.raises(OutputError, match=r"map\.tif' cannot be written: it reads back damaged"):
        _write_map(tmp_path / "map.tif", rng.choice([3, 40], (1200, 1200)).astype(np.uint8))
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
