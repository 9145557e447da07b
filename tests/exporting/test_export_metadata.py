"""What exported files say of themselves."""

from __future__ import annotations

import json

import onnx
import openvino as ov
import pytest
from export_cases import NAMES, UTM, make_card, make_network, read_metadata

import pointillist
from pointillist.exporting import GraphContract
from pointillist.exporting.metadata import choose_overlap, make_metadata, resolution_cm
from pointillist.models import ModelCard


def test_keys_of_deepness_and_our_own_card(tmp_path):
    model = make_network("linknet")
    path = pointillist.export(model, tmp_path / "model.onnx", tile=256)
    meta = read_metadata(path)
    own = meta.pop("pointillist")
    assert meta == {
        "model_type": "Segmentor",
        "class_names": {"0": "Wald", "1": "Water", "2": "Straße"},
        "resolution": 50.0,
        "tiles_size": 256,
        "tile_size": 256,
        "tiles_overlap": 75,  # as much of a halo of 128 px as fits
        "seg_thresh": 0.0,
        "seg_small_segment": 0,
        "standardization_mean": [0.0, 0.0, 0.0],
        "standardization_std": [1.0, 1.0, 1.0],
    }
    assert ModelCard.from_dict(own["card"]) == model.card
    assert own["input"] == {
        "name": "image_over_255",
        "values": "values divided by 255, float32, bands first, 256×256 px, one at a time",
        "divided_by": 255.0,
        "tile_px": 256,
    }
    proto = onnx.load(path)
    onnx.checker.check_model(proto)
    assert (proto.producer_name, proto.producer_version) == ("pointillist", pointillist.__version__)


def test_dimensions_are_named(tmp_path):
    path = pointillist.export(make_network("linknet"), tmp_path / "model.onnx", input="raw")
    graph = onnx.load(path).graph
    (given,), (made,) = graph.input, graph.output
    shapes = [
        [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (given, made)
    ]
    assert shapes == [["batch", 3, "height", "width"]] * 2
    assert (given.name, made.name) == ("image", "probabilities")


def test_raw_values_are_what_deepness_gives_after_its_standardisation():
    meta = make_metadata(make_network("linknet"), GraphContract("onnx", "raw"))
    (std,) = set(json.loads(meta["standardization_std"]))
    assert 200 / 255 / std == pytest.approx(200)
    assert json.loads(meta["standardization_mean"]) == [0.0, 0.0, 0.0]


def test_openvino_carries_the_same(tmp_path):
    model = make_network("linknet")
    path = pointillist.export(model, tmp_path / "model.xml")
    graph = ov.Core().read_model(path)
    for key, value in make_metadata(model, GraphContract("openvino")).items():
        assert json.loads(graph.get_rt_info(["pointillist", key]).astype(str)) == json.loads(value)
    assert list(graph.input().partial_shape)[1].get_length() == 3
    assert graph.input().partial_shape[2].is_dynamic


@pytest.mark.parametrize(
    ("crs", "resolution", "expected"),
    [
        (UTM, 10.0, 1000.0),
        ("EPSG:2263", 1.0, 30.48),  # US survey feet
        ("EPSG:4326", 0.0001, None),
        (None, 1.0, None),
        (UTM, None, None),
    ],
)
def test_resolution_in_centimetres(crs, resolution, expected):
    card = make_card(3)
    card.crs, card.resolution = crs, resolution
    found = resolution_cm(make_network("linknet", card=card))
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-4))


def test_names_are_those_of_the_legend():
    meta = make_metadata(make_network("linknet"), GraphContract("onnx"))
    assert tuple(json.loads(meta["class_names"]).values()) == NAMES


@pytest.mark.parametrize(
    ("tile", "halo", "multiple", "percent"),
    [
        (512, 64, 32, 25),
        (1024, 64, 32, 25),
        (256, 49, 1, 39),
        (256, 64, 32, 50),
        (256, 128, 32, 75),
        (512, 128, 32, 50),
        (100, 64, 32, 68),
    ],
)
def test_overlap_covers_the_halo_and_keeps_to_the_networks_grid(tile, halo, multiple, percent):
    assert choose_overlap(tile, halo, multiple) == percent
