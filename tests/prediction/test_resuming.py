"""Interrupted maps: what is kept, what is refused, and that the pixels are the same."""

from __future__ import annotations

import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import time
from unittest.mock import Mock

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from prediction_cases import LEGEND, TRANSFORM, UTM, Thresholder, grey, read_raster

from pointillist.errors import InputError, OutputError, OutputExistsError, UnreadableFileError
from pointillist.prediction import block_store, mapping, predict

NODATA = LEGEND.nodata
BLOCK = 32
N_BLOCKS = 4


class StopError(RuntimeError):
    pass


def _stop_after(n: int):
    def progress(done: int, total: int) -> None:
        if done == n:
            raise StopError

    return progress


@pytest.fixture
def scene(write_scene):
    return write_scene(grey(64, 64))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "map.tif"


@pytest.fixture
def interrupted(scene, out):
    """A map of four blocks, of which two are finished: one is kept while the one before counts."""
    with pytest.raises(StopError):
        predict(Thresholder(), scene, out, block=BLOCK, progress=_stop_after(1))
    return out


def _part(out):
    return out.with_name(f".{out.name}.part")


def _expected():
    return np.where(grey(64, 64) > 100, 7, 3)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_only_what_is_missing_is_computed(error, scene, out, tmp_path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:  # the third one is being kept
            raise error("now")

    extras = {"uncertainty": tmp_path / "u.tif", "probabilities": tmp_path / "p.tif"}
    options = {"block": BLOCK, "min_area": 3, **extras}
    with pytest.raises(error, match="now"):
        predict(Thresholder(), scene, out, progress=interrupt, **options)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", ".map.tif.part"}
    second, told = Thresholder(), []
    predict(second, scene, out, resume=True, progress=lambda *at: told.append(at), **options)
    assert len(second.seen) == 1
    assert told == [(3, 4), (4, 4)]
    assert not _part(out).exists()
    whole = tmp_path / "whole"
    whole.mkdir()
    predict(
        Thresholder(), scene, whole / "map.tif", block=BLOCK, min_area=3,
        uncertainty=whole / "u.tif", probabilities=whole / "p.tif",
    )  # fmt: skip
    for name in ("map.tif", "u.tif", "p.tif"):
        np.testing.assert_array_equal(read_raster(tmp_path / name), read_raster(whole / name))


def test_an_interruption_before_the_first_block_leaves_nothing(write_scene, out, tmp_path) -> None:
    class Failing(Thresholder):
        def _class_probabilities(self, data, valid):
            raise StopError

    with pytest.raises(StopError):
        predict(Failing(), write_scene(grey(64, 64)), out, block=BLOCK)
    assert [path.name for path in tmp_path.iterdir()] == ["scene.tif"]


def test_leftovers_are_not_lost_unasked(interrupted, scene) -> None:
    with pytest.raises(OutputExistsError, match=r"left 2 .*map\.tif'.*--resume.*--overwrite"):
        predict(Thresholder(), scene, interrupted, block=BLOCK)
    model = Thresholder()
    predict(model, scene, interrupted, block=BLOCK, overwrite=True)
    assert len(model.seen) == N_BLOCKS
    assert np.array_equal(read_raster(interrupted), _expected())


def test_resume_starts_afresh_and_says_complete(scene, out, caplog) -> None:
    predict(Thresholder(), scene, out, block=BLOCK, resume=True)
    before = out.stat().st_mtime_ns
    model = Thresholder()
    with caplog.at_level(logging.INFO):
        predict(model, scene, out, block=BLOCK, resume=True, polygons=out.with_suffix(".gpkg"))
    assert "map.tif' is complete: nothing left to do" in caplog.text
    assert (out.stat().st_mtime_ns, model.seen) == (before, [])
    assert out.with_suffix(".gpkg").exists()  # made of the map that is there
    with pytest.raises(OutputError, match=r"complete, made with something else: --block .was 32, "):
        predict(model, scene, out, block=64, resume=True)
    with rasterio.open(out) as file:
        assert str(out.parent) not in str(file.tags())


def test_polygons_of_a_replaced_map_are_not_taken_for_those_of_the_new(
    scene, out, monkeypatch
) -> None:
    options = {"block": BLOCK, "polygons": out.with_suffix(".gpkg")}
    predict(Thresholder(), scene, out, **options)
    with monkeypatch.context() as patch:
        patch.setattr(mapping, "write_polygons", Mock(side_effect=StopError))
        with pytest.raises(StopError):
            predict(Thresholder(), scene, out, min_confidence=0.9, overwrite=True, **options)
    predict(Thresholder(), scene, out, min_confidence=0.9, resume=True, **options)
    mapped = read_raster(out) != NODATA
    assert gpd.read_file(options["polygons"])["area"].sum() == pytest.approx(100 * mapped.sum())
    assert not _part(out).exists()


@pytest.mark.parametrize("name", ["probabilities", "uncertainty"])
def test_rasters_of_another_run_are_not_taken_for_results(scene, out, name) -> None:
    beside = out.with_name(f"{name}.tif")
    options = {"block": BLOCK, name: beside}
    predict(Thresholder(), scene, out, **options)
    kept = beside.read_bytes()
    beside.unlink()
    other = {**options, "min_confidence": 0.9}
    predict(Thresholder(), scene, out.with_name("other.tif"), **other)
    with pytest.raises(OutputExistsError, match=r"exists already"):
        predict(Thresholder(), scene, out, resume=True, **options)
    beside.write_bytes(kept)
    model = Thresholder()
    predict(model, scene, out, resume=True, **options)
    assert model.seen == []


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb"])
def test_a_foreign_file_is_not_taken_for_the_polygons(scene, out, suffix) -> None:
    polygons = out.with_suffix(suffix)
    options = {"block": BLOCK, "resume": True, "polygons": polygons}
    predict(Thresholder(), scene, out, block=BLOCK)
    gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 0)], crs=UTM).to_file(polygons)
    foreign = polygons.read_bytes()
    with pytest.raises(OutputExistsError, match="exists already"):
        predict(Thresholder(), scene, out, **options)
    assert polygons.read_bytes() == foreign
    predict(Thresholder(), scene, out, overwrite=True, **options)
    assert list(gpd.read_file(polygons)["class"])
    before = polygons.stat().st_mtime_ns
    predict(Thresholder(), scene, out, **options)
    assert polygons.stat().st_mtime_ns == before


def test_polygons_of_another_map_are_not_taken_for_those_of_this_one(scene, out) -> None:
    polygons = out.with_suffix(".gpkg")
    predict(Thresholder(), scene, out, block=BLOCK)
    other = out.with_name("other.tif")
    predict(Thresholder(), scene, other, block=BLOCK, min_confidence=0.9, polygons=polygons)
    with pytest.raises(OutputExistsError, match="exists already"):
        predict(Thresholder(), scene, out, block=BLOCK, resume=True, polygons=polygons)


def test_resume_does_not_replace_what_it_does_not_know(scene, out) -> None:
    out.write_bytes(b"not ours")
    with pytest.raises(OutputExistsError, match=r"map\.tif' exists already"):
        predict(Thresholder(), scene, out, resume=True)
    assert out.read_bytes() == b"not ours"


def test_an_old_map_stays_until_the_new_one_is_complete(scene, out) -> None:
    predict(Thresholder(), scene, out, block=BLOCK, min_confidence=0.9)
    old = read_raster(out)
    with pytest.raises(StopError):
        predict(Thresholder(), scene, out, block=BLOCK, overwrite=True, progress=_stop_after(3))
    assert np.array_equal(read_raster(out), old)
    predict(Thresholder(), scene, out, block=BLOCK, resume=True)  # was begun with --overwrite
    assert np.array_equal(read_raster(out), _expected())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"block": 64}, r"--block \(was 32, is 64\) has changed"),
        ({"halo": 3}, r"--halo \(was 8, is 3\)"),
        ({"min_confidence": 0.6}, r"--min-confidence \(was not given, is 0.6\)"),
        ({"min_area": 5, "halo": 1}, r"--halo .* --min-area .* have changed"),
        ({"probabilities": "p.tif"}, r"--probabilities \(was not wanted, is wanted\)"),
        ({"probabilities_dtype": "uint8"}, r"probabilities_dtype \(was float32, is uint8\)"),
        ({"aoi": "area.gpkg"}, r"what --aoi names has changed"),
    ],
)
def test_a_changed_option_is_refused(options, told, interrupted, scene, tmp_path) -> None:
    left, bottom = TRANSFORM @ (0, 64)
    area = gpd.GeoSeries([shapely.box(left, bottom, left + 300, bottom + 300)], crs=UTM)
    area.to_file(tmp_path / "area.gpkg")
    paths = {k: tmp_path / v for k, v in options.items() if isinstance(v, str) and "." in v}
    with pytest.raises(OutputError, match=rf"map\.tif' cannot go on: .*{told}.*--overwrite"):
        predict(
            Thresholder(), scene, interrupted, resume=True, **{"block": BLOCK, **options, **paths}
        )
    predict(Thresholder(), scene, interrupted, block=BLOCK, resume=True)


def test_changed_bands_are_refused(write_scene, out) -> None:
    scene = write_scene(np.stack([grey(64, 64), grey(64, 64, 1)]))
    with pytest.raises(StopError):
        predict(Thresholder(), scene, out, bands="1", block=BLOCK, progress=_stop_after(1))
    with pytest.raises(OutputError, match=r"--bands \(was 1, is 2\)"):
        predict(Thresholder(), scene, out, bands="2", block=BLOCK, resume=True)


def test_another_model_scene_or_version_is_refused(
    interrupted, write_scene, scene, monkeypatch
) -> None:
    options = {"block": BLOCK, "resume": True}
    with pytest.raises(OutputError, match="cannot go on: the model has changed"):
        predict(Thresholder(resolution=3.0), scene, interrupted, **options)
    job = _part(interrupted) / "job.json"
    kept = job.read_text()
    job.write_text(json.dumps({**json.loads(kept), "version": "0.0.7"}))
    with pytest.raises(OutputError, match=r"Pointillist \(was 0\.0\.7, is "):
        predict(Thresholder(), scene, interrupted, **options)
    job.write_text("{")
    with pytest.raises(OutputError, match=r"job\.json' is damaged.*--overwrite"):
        predict(Thresholder(), scene, interrupted, **options)
    job.write_text(kept)
    write_scene(grey(64, 64, seed=5))
    with pytest.raises(OutputError, match=r"cannot go on: the scene scene\.tif has changed"):
        predict(Thresholder(), scene, interrupted, **options)


def test_a_ledger_of_which_nothing_can_be_read_is_told(interrupted, scene, caplog) -> None:
    (_part(interrupted) / "ledger.jsonl").write_bytes(b"\0\n\0\n")
    predict(Thresholder(), scene, interrupted, block=BLOCK, resume=True)
    assert "ledger.jsonl' is damaged" in caplog.text
    assert "map.tif' is begun afresh" in caplog.text
    assert np.array_equal(read_raster(interrupted), _expected())


def test_a_copied_scene_is_the_same(interrupted, scene, caplog) -> None:
    os.utime(scene, (1, 1))
    with caplog.at_level(logging.INFO):
        predict(Thresholder(), scene, interrupted, block=BLOCK, resume=True)
    assert "another time stamp" in caplog.text
    assert np.array_equal(read_raster(interrupted), _expected())


def test_a_second_process_is_refused(scene, out) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from pointillist.prediction.work_folder import WorkFolder\n"
        "work = WorkFolder(Path(sys.argv[1]), {}, go_on=False); work.add_empty(0)\n"
        "print('begun', flush=True); sys.stdin.read(); import os; os._exit(9)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(out)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout.readline() == "begun\n"
    for options in ({}, {"resume": True}, {"overwrite": True}):
        told = rf"map\.tif' is being written by process {other.pid} on .*--out"
        with pytest.raises(OutputError, match=told):
            predict(Thresholder(), scene, out, **options)
    other.communicate("")
    predict(Thresholder(), scene, out, block=BLOCK, overwrite=True)  # its lock died with it
    assert np.array_equal(read_raster(out), _expected())


def test_a_line_cut_by_a_kill_and_one_damaged(interrupted, scene, caplog) -> None:
    path = _part(interrupted) / "ledger.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first.replace(b'"block":0', b'"block":3') + second + b'{"block":2,')
    model = Thresholder()
    predict(model, scene, interrupted, block=BLOCK, resume=True)
    assert "Line 1 of" in caplog.text
    assert "is damaged" in caplog.text
    assert len(model.seen) == 3
    assert np.array_equal(read_raster(interrupted), _expected())


def test_pixels_that_did_not_reach_the_disk_are_computed_again(interrupted, scene, caplog) -> None:
    path = _part(interrupted) / "blocks.bin"
    with path.open("r+b") as file:
        file.truncate(1500)  # of 2048: as after a power cut
    model = Thresholder()
    predict(model, scene, interrupted, block=BLOCK, resume=True)
    assert "1 of the blocks" in caplog.text
    assert len(model.seen) == 3
    assert np.array_equal(read_raster(interrupted), _expected())


@pytest.fixture
def truncated(write_scene, rng):
    """A scene of 16 blocks of 128 px that ends in the middle of the file."""
    data = rng.integers(0, 200, (512, 512)).astype(np.uint8)
    scene = write_scene(data, tiled=True, blockxsize=128, blockysize=128)
    scene.write_bytes(scene.read_bytes()[:150_000])
    return scene, data


def test_an_unreadable_window_is_named_or_skipped(truncated, out, caplog) -> None:
    scene, data = truncated
    options = {"block": 128, "halo": 0}
    with pytest.raises(UnreadableFileError, match=r"scene\.tif' cannot be read at rows 256–384, "):
        predict(Thresholder(), scene, out, **options)
    with pytest.raises(UnreadableFileError, match=r"kept \(9\): go on with --resume.*--skip-unr"):
        predict(Thresholder(), scene, out, resume=True, **options)
    assert not out.exists()
    model = Thresholder()
    predict(model, scene, out, resume=True, skip_unreadable=True, **options)
    assert model.seen == []  # nothing else can be read
    assert "7 windows of" in caplog.text
    assert "rows 256–384, columns 128–256; " in caplog.text
    expected = np.where(data > 100, 7, 3)
    expected[256:384, 128:] = expected[384:] = NODATA
    assert np.array_equal(read_raster(out), expected)


def test_skipped_windows_are_tried_again_without_the_flag(truncated, out) -> None:
    scene, _ = truncated
    options = {"block": 128, "halo": 0}
    with pytest.raises(StopError):
        predict(
            Thresholder(), scene, out, skip_unreadable=True, progress=_stop_after(12), **options
        )
    with pytest.raises(UnreadableFileError, match="cannot be read at rows 256"):
        predict(Thresholder(), scene, out, resume=True, **options)


def test_a_finished_map_with_skipped_windows_is_complete_only_with_the_flag(
    truncated, out, caplog
) -> None:
    scene, _ = truncated
    options = {"block": 128, "halo": 0, "resume": True}
    predict(Thresholder(), scene, out, skip_unreadable=True, **options)
    model = Thresholder()
    predict(model, scene, out, skip_unreadable=True, **options)
    assert model.seen == []
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(UnreadableFileError, match="cannot be read at rows 256"),
    ):
        predict(Thresholder(), scene, out, **options)
    assert "map.tif' has nodata in 7 windows that could not be read" in caplog.text
    assert out.exists()


@pytest.fixture
def limit_file_size():
    """Let files grow to so many bytes, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda n_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes or soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("n_bytes", "from_block", "n_kept"),
    [
        pytest.param(20_000, 0, 0, id="before the first block"),
        pytest.param(700_000, 0, 11, id="while mapping"),
        pytest.param(20_000, 25, 25, id="while writing the results"),
        pytest.param(280_000, 25, 25, id="while finishing the map"),
    ],
)
def test_a_full_disk_is_told_and_keeps_what_is_finished(
    n_bytes, from_block, n_kept, limit_file_size, write_scene, out, tmp_path, rng
) -> None:
    data = rng.integers(0, 200, (1200, 1200)).astype(np.uint8)
    scene = write_scene(data)
    if not from_block:
        limit_file_size(n_bytes)

    def fill(done: int, total: int) -> None:
        if done == from_block:
            limit_file_size(n_bytes)

    with pytest.raises(OutputError, match=r"map\.tif' cannot be written, the disk may be full"):
        predict(Thresholder(), scene, out, block=256, progress=fill)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"scene.tif", *([".map.tif.part"] if n_kept else [])}
    limit_file_size(None)
    model = Thresholder()
    predict(model, scene, out, block=256, resume=True)
    assert len(model.seen) == 25 - n_kept
    assert np.array_equal(read_raster(out), np.where(data > 100, 7, 3))
    assert {path.name for path in tmp_path.iterdir()} >= {"scene.tif", "map.tif"}
    assert not _part(out).exists()


def test_several_scenes_go_on_where_they_were(write_scene, tmp_path) -> None:
    scenes = [write_scene(grey(64, 64, seed), f"s{seed}.tif") for seed in (1, 2, 3)]
    folder, told = tmp_path / "maps", []
    with pytest.raises(StopError):
        predict(Thresholder(), scenes, folder, block=BLOCK, progress=_stop_after(5))
    first = (folder / "s1_map.tif").stat().st_mtime_ns
    model = Thresholder()
    maps = predict(
        model, scenes, folder, block=BLOCK, resume=True, progress=lambda *at: told.append(at)
    )
    assert len(model.seen) == 6
    assert told[:2] == [(4, 12), (6, 12)]
    assert told[-1] == (12, 12)
    assert maps[0].stat().st_mtime_ns == first
    for path, seed in zip(maps, (1, 2, 3), strict=True):
        assert np.array_equal(read_raster(path), np.where(grey(64, 64, seed) > 100, 7, 3))


@pytest.fixture
def begun_network(tiny_network, write_scene, out, tmp_path):
    rng = np.random.default_rng(3)
    scene = write_scene(rng.integers(0, 255, (3, 96, 96)).astype(np.uint8))
    with pytest.raises(StopError):
        predict(
            tiny_network, scene, out, block=64, engine="torch", precision="bf16",
            progress=_stop_after(2),
        )  # fmt: skip
    return tiny_network, scene, out


def test_the_engine_is_kept(begun_network, tmp_path) -> None:
    model, scene, out = begun_network
    predict(model, scene, out, block=64, resume=True)  # auto would take float32 here
    with rasterio.open(out) as file:
        assert json.loads(file.tags()["POINTILLIST_JOB"])["engine"]["name"] == "torch bf16"
    whole = tmp_path / "whole.tif"
    predict(model, scene, whole, block=64, engine="torch", precision="bf16")
    assert np.array_equal(read_raster(out), read_raster(whole))


def test_another_engine_is_refused(begun_network) -> None:
    model, scene, out = begun_network
    with pytest.raises(InputError, match=r"begun with engine torch bf16 .* --engine asks for open"):
        predict(model, scene, out, block=64, resume=True, engine="openvino")
    job = _part(out) / "job.json"
    kept = json.loads(job.read_text())
    for change, told in (
        ({"name": "torch bf16 on cuda:7"}, r"torch bf16 on cuda:7, which cannot be had here"),
        ({"library": "torch 1.0"}, r"its library was torch 1\.0 and is torch \d.*--overwrite"),
        ({"processor": "abacus"}, "its processor was abacus and is "),
    ):
        job.write_text(json.dumps({**kept, "engine": {**kept["engine"], **change}}))
        with pytest.raises(InputError, match=told):
            predict(model, scene, out, block=64, resume=True)


def test_blocks_are_brought_to_the_disk_in_time(scene, out, monkeypatch) -> None:
    synced = []
    sync = block_store.sync_file
    monkeypatch.setattr(block_store, "SYNC_S", 0.0)
    monkeypatch.setattr(block_store, "sync_file", lambda file: (synced.append(file), sync(file)))
    predict(Thresholder(), scene, out, block=BLOCK, progress=lambda *_: time.sleep(0.1))
    assert len(synced) >= 3


def test_the_folder_of_the_map_vanishes_while_it_is_made(scene, tmp_path) -> None:
    out = tmp_path / "maps" / "map.tif"
    out.parent.mkdir()

    def vanish(done: int, total: int) -> None:
        if done == 2:
            shutil.rmtree(out.parent)

    model = Thresholder()
    with pytest.raises(OutputError, match=r"map\.tif' .*: its folder has gone\. .* place\.$"):
        predict(model, scene, out, block=8, progress=vanish)
    assert len(model.seen) < 10  # of 64: nothing is computed for nobody
    assert not out.parent.exists()
    out.parent.mkdir()
    predict(Thresholder(), scene, out, block=BLOCK, resume=True)  # there is nothing to go on from
    assert np.array_equal(read_raster(out), _expected())


def test_a_work_folder_removed_by_somebody_does_no_harm_to_the_map(scene, out) -> None:
    """What is being written stays open, and is gone afterwards all the same."""

    def vanish(done: int, total: int) -> None:
        if done == 2:
            shutil.rmtree(_part(out))

    predict(Thresholder(), scene, out, block=BLOCK, progress=vanish)
    assert np.array_equal(read_raster(out), _expected())
    assert not _part(out).exists()
