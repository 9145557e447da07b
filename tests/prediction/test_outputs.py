from __future__ import annotations

import pytest

from pointillist.errors import InputError, OutputError, OutputExistsError
from pointillist.prediction.outputs import plan_outputs


def test_one_scene_gives_the_files_named(tmp_path) -> None:
    [plan] = plan_outputs(
        ["/data/a.tif"], tmp_path / "m.tif", uncertainty=tmp_path / "u.tif",
        polygons=str(tmp_path / "p.geojson"),
    )  # fmt: skip
    assert plan.map == tmp_path / "m.tif"
    assert plan.probabilities is None
    assert plan.files == [tmp_path / name for name in ("m.tif", "u.tif", "p.geojson")]


def test_folders_are_made_and_files_named_after_scenes(tmp_path) -> None:
    folder = tmp_path / "new" / "maps"
    plans = plan_outputs(
        ["x/north.tif", "y/south.jp2"], folder, probabilities=folder, polygons=tmp_path,
        uncertainty=f"{tmp_path}/u.v2/",
    )  # fmt: skip
    assert [plan.map.name for plan in plans] == ["north_map.tif", "south_map.tif"]
    assert plans[1].probabilities == folder / "south_probabilities.tif"
    assert plans[1].polygons == tmp_path / "south_polygons.gpkg"
    assert plans[0].uncertainty == tmp_path / "u.v2" / "north_uncertainty.tif"
    [plan] = plan_outputs(["NETCDF:rain.nc:mm"], tmp_path)
    assert plan.map == tmp_path / "NETCDF_rain_map.tif"


def test_several_scenes_need_a_folder(tmp_path) -> None:
    with pytest.raises(InputError, match=r"a folder after --out for 2 scenes, got file"):
        plan_outputs(["a.tif", "b.tif"], tmp_path / "m.tif")
    with pytest.raises(InputError, match=r"a folder after --polygons"):
        plan_outputs(["a.tif", "b.tif"], tmp_path, polygons=tmp_path / "p.gpkg")


def test_a_style_is_not_replaced_unasked(tmp_path) -> None:
    """QGIS keeps a map's style beside it, and a person may keep one of the same name."""
    (tmp_path / "lc.qml").write_text("<qgis/>")
    with pytest.raises(OutputExistsError, match=r"lc\.qml' exists already, and a map 'lc\.tif'"):
        plan_outputs(["a.tif"], tmp_path / "lc.tif")
    plan_outputs(["a.tif"], tmp_path / "lc.tif", overwrite=True)
    plan_outputs(["a.tif"], tmp_path / "m.tif", probabilities=tmp_path / "lc.tif")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"out": "m.png"}, r"--out to end with \.tif or \.tiff, got .*m\.png"),
        ({"polygons": "p.shp"}, r"--polygons to end with \.gpkg or \.geojson"),
        ({"probabilities": "m.tif"}, "more than once"),
        ({"uncertainty": "s.tif"}, "is read from"),
    ],
)
def test_impossible_names_are_refused(tmp_path, names, message) -> None:
    paths = {key: tmp_path / name for key, name in {"out": "m.tif", **names}.items()}
    with pytest.raises(InputError, match=message):
        plan_outputs([tmp_path / "s.tif"], overwrite=True, **paths)


def test_scenes_of_one_name_have_results_of_their_own(tmp_path) -> None:
    plans = plan_outputs(["2019/s.tif", "2020/s.tif"], tmp_path)
    assert [plan.map.name for plan in plans] == ["2019_s_map.tif", "2020_s_map.tif"]
    plans = plan_outputs(["x.tif"], tmp_path, names=["item-7"])
    assert [plan.map.name for plan in plans] == ["item-7_map.tif"]


def test_no_scene_at_all(tmp_path) -> None:
    with pytest.raises(InputError, match="at least one scene"):
        plan_outputs([], tmp_path)


def test_files_that_exist_are_kept(tmp_path) -> None:
    (tmp_path / "u.tif").touch()
    arguments = (["s.tif"], tmp_path / "m.tif")
    with pytest.raises(OutputExistsError, match=r"u\.tif' exists already.*--overwrite"):
        plan_outputs(*arguments, uncertainty=tmp_path / "u.tif")
    plan_outputs(*arguments, uncertainty=tmp_path / "u.tif", overwrite=True)


def test_folders_that_cannot_be(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        plan_outputs(["s.tif"], tmp_path / "file" / "maps")
    with pytest.raises(OutputError, match="does not exist"):
        plan_outputs(["s.tif"], tmp_path / "nowhere" / "m.tif")
