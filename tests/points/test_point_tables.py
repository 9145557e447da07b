from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from pointillist.errors import PointsError, UnreadableFileError
from pointillist.points import read_features

Csv = Callable[..., Path]


def test_rows_longer_than_the_header_are_refused(csv: Csv) -> None:
    """A decimal comma between commas would move every value behind it by a column."""
    with pytest.raises(UnreadableFileError, match=r"line 3 has 4 values for 3 columns. Put values"):
        read_features(csv("x,y,class\n500.5,7,Wald\n501,7,5,Wald\n"))
    with pytest.raises(UnreadableFileError, match="line 2 has 5 values for 4 columns"):
        read_features(csv("x,y,note,class\n500.5,7,old, dry,Wald\n"))
    frame = read_features(csv('x,y,note,class\n500.5,7,"old, dry",Wald,,\n\n501,8,,See\n'))
    assert list(frame["class"]) == ["Wald", "See"]


@pytest.fixture
def csv(tmp_path: Path) -> Csv:
    def write(text: str | bytes, name: str = "sites.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    "header",
    ["x,y", "X,Y", "easting,northing", "Easting (m),Northing", "X_COORD,Y_COORD", "POINT_X,POINT_Y",
     "utm_e,utm_n", "Rechtswert,Hochwert"],
)  # fmt: skip
def test_map_coordinates_have_no_crs_of_their_own(csv: Csv, header: str) -> None:
    header = header.replace(" (m)", "")
    frame = read_features(csv(f"id,{header},class\n1,500.5,7,a\n2,501,8,b\n"))
    assert shapely.get_coordinates(frame.geometry).tolist() == [[500.5, 7], [501, 8]]
    assert frame.crs is None
    assert list(frame["class"]) == ["a", "b"]


@pytest.mark.parametrize(
    "header",
    ["lon,lat", "Longitude,Latitude", "LNG,LAT", "long,lat", "decimalLongitude,decimalLatitude"],
)
def test_degrees_are_wgs84(csv: Csv, header: str) -> None:
    frame = read_features(csv(f"{header},class\n12.5,51.3,a\n"))
    assert frame.crs.to_epsg() == 4326
    assert shapely.get_coordinates(frame.geometry).tolist() == [[12.5, 51.3]]


def test_latitude_may_come_first(csv: Csv) -> None:
    frame = read_features(csv("lat,lon,class\n51.3,12.5,a\n"))
    assert shapely.get_coordinates(frame.geometry).tolist() == [[12.5, 51.3]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x;y;class\n500,5;7,25;Wald\n", "german.csv"),
        ("x\ty\tclass\n500.5\t7.25\tWald\n", "tabs.tsv"),
        ("x|y|class\n500.5|7.25|Wald\n", "bars.txt"),
        ("\ufeffx, y, class\n500.5, 7.25, Wald\n", "excel.csv"),
        ("x\ty\tclass\n500,5\t7,25\tWald\n".encode("utf-16"), "unicode.txt"),
        ("x,y,class\r\n500.5,7.25,Wald\r\n", "windows.csv"),
        ('"x","y","class"\n"500.5","7.25","Wald"\n', "quoted.csv"),
    ],
)
def test_separators_decimals_and_encodings(csv: Csv, text: str | bytes, name: str) -> None:
    frame = read_features(csv(text, name))
    assert shapely.get_coordinates(frame.geometry).tolist() == [[500.5, 7.25]]
    assert frame["class"].tolist() == ["Wald"]


def test_latin_1_is_read(csv: Csv) -> None:
    frame = read_features(csv("x,y,class\n1,2,Gehölz\n".encode("latin-1")))
    assert frame["class"].tolist() == ["Gehölz"]


def test_a_wkt_column_holds_any_geometry(csv: Csv) -> None:
    text = 'WKT,class\n"POINT (1 2)",a\n"POLYGON ((0 0, 1 0, 1 1, 0 0))",b\nnonsense,c\n,d\n'
    frame = read_features(csv(text))
    assert frame.geometry.geom_type.tolist()[:2] == ["Point", "Polygon"]
    assert frame.geometry.isna().tolist() == [False, False, True, True]
    assert list(frame["class"]) == ["a", "b", "c", "d"]


def test_rows_without_coordinates_keep_their_place(csv: Csv) -> None:
    frame = read_features(csv("x,y,class\n1,2,a\n,,b\nNA,3,c\n4,5,d\n"))
    assert frame.geometry.isna().tolist() == [False, True, True, False]


def test_class_na_is_text_until_it_is_known_to_be_a_class(csv: Csv) -> None:
    frame = read_features(csv("x,y,class\n1,2,None\n3,4,\n"))
    assert frame["class"].iloc[0] == "None"
    assert frame["class"].isna().tolist() == [False, True]


def test_no_columns_of_coordinates(csv: Csv) -> None:
    with pytest.raises(PointsError, match=r"columns are: a, b, class"):
        read_features(csv("a,b,class\n1,2,x\n"))


def test_degrees_that_are_none(csv: Csv) -> None:
    with pytest.raises(PointsError, match=r"Expected degrees .* got 312500 and 5689500 in row 1"):
        read_features(csv("lon,lat,class\n312500,5689500,a\n"))
    frame = read_features(csv("lon,lat,class\n312500,5689500,a\n"), crs="EPSG:32632")
    assert frame.crs.to_epsg() == 32632


def test_no_table(csv: Csv) -> None:
    with pytest.raises(UnreadableFileError, match=r"is a binary file"):
        read_features(csv(bytes(range(256)), "noise.csv"))
    with pytest.raises(UnreadableFileError, match=r"cannot be read as a table.*one header line"):
        read_features(csv(""))
    with pytest.raises(UnreadableFileError, match=r"same number of columns in every row"):
        read_features(csv("x,y,class\n1,2,a\n1,2,a,b,c\n"))
    with pytest.raises(PointsError, match=r"Expected labelled features .* holds none"):
        read_features(csv("x,y,class\n"))


def test_numbers_stay_numbers(csv: Csv) -> None:
    frame = read_features(csv("x,y,weight,class\n1,2,0.5,1\n3,4,,2\n"))
    np.testing.assert_array_equal(frame["weight"], [0.5, np.nan])
    assert frame["class"].tolist() == [1, 2]
