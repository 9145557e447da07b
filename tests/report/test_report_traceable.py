"""Every number that the report page shows is in the JSON of the same assessment, rounded."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from pointillist.accuracy import assess
from pointillist.points import write_points
from pointillist.report import render_page, render_table
from pointillist.report.stated import amount, count

NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w])")
CLASSES = ("Water", "Forest", "Road")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A map with errors, its truth, a stratified reference sample, and points of no design."""
    folder = tmp_path_factory.mktemp("traceable")
    rng = np.random.default_rng(8)
    truth = np.clip(rng.integers(0, 6, (60, 80)), 1, 3).astype(np.uint8)
    found = np.where(rng.random(truth.shape) < 0.85, truth, rng.integers(1, 4, truth.shape))
    truth[:4] = 255
    files = {name: folder / f"{name}.tif" for name in ("map", "truth")}
    profile = {"driver": "GTiff", "width": 80, "height": 60, "count": 1, "dtype": "uint8"}
    place = {"nodata": 255, "crs": "EPSG:32632", "transform": from_origin(5e5, 57e5, 10, 10)}
    for name, values in (("map", found), ("truth", truth)):
        with rasterio.open(files[name], "w", **profile, **place) as raster:
            raster.write(values.astype(np.uint8), 1)
    for name, design in (("sampled", "stratified"), ("clicked", None)):
        rows, cols = rng.integers(4, 60, 150), rng.integers(0, 80, 150)
        columns: dict[str, Any] = {"class": truth[rows, cols].astype(str).astype(object)}
        if design:
            columns["stratum"] = found[rows, cols].astype(int).astype(str).astype(object)
            columns["design"] = np.full(150, design, dtype=object)
        xy = np.stack([500005 + 10 * cols, 5699995 - 10 * rows], axis=1).astype(float)
        files[name] = folder / f"{name}.gpkg"
        write_points(files[name], xy, "EPSG:32632", columns)
    return files


def judged(world: dict[str, Path], kind: str) -> Any:
    reference = {"census": "truth", "design-based": "sampled", "descriptive": "clicked"}[kind]
    result = assess(world["map"], world[reference])
    assert result.kind == kind
    return result


def values(data: Any) -> Iterator[Any]:
    """All numbers and texts of plain data, keys too."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from values(value)
    elif isinstance(data, list):
        for value in data:
            yield from values(value)
    elif data is not None and not isinstance(data, bool):
        yield data


def roundings(data: Any) -> set[str]:
    """Every way in which a report writes a number of the JSON."""
    ways: set[str] = set()
    for value in values(data):
        if isinstance(value, str):
            ways |= set(NUMBER.findall(value))
        else:
            percent = 100 * value
            ways |= {count(value), amount(value), f"{percent:.1f}", f"{percent:.2f}"}
            ways |= {f"{percent:g}", str(value)}
    return ways


def shown(page: str) -> list[str]:
    """The numbers a reader sees, without publications and the program's version."""
    body = page[page.index("<body") :]
    body = re.sub(r"<footer>.*?</footer>", "", body, flags=re.S)
    body = re.sub(r'<ul class="references">.*?</ul>', "", body, flags=re.S)
    spoken = " ".join(re.findall(r'(?:aria-label|alt|title)="([^"]*)"', body))
    text = html.unescape(re.sub(r"<[^>]+>", " ", body) + " " + spoken)
    text = re.sub(r"(et al\.|Cochran|Stehman)\s*\(?(\d{4}(, )?)+\)?", "", text)
    return NUMBER.findall(text)


@pytest.mark.parametrize("kind", ["census", "design-based", "descriptive"])
def test_every_number_of_the_page_is_in_the_json(world: dict[str, Path], kind: str) -> None:
    result = judged(world, kind)
    numbers = shown(render_page(result))
    assert len(numbers) > 40
    missing = sorted(set(numbers) - roundings(result.to_dict()))
    assert missing == []


@pytest.mark.parametrize("kind", ["census", "design-based", "descriptive"])
def test_the_page_can_be_made_from_the_json_alone(world: dict[str, Path], kind: str) -> None:
    stated = judged(world, kind).to_dict()
    numbers = shown(render_page(stated))
    assert set(numbers) <= roundings(stated)


def test_a_number_from_elsewhere_would_be_found_out(world: dict[str, Path]) -> None:
    result = judged(world, "design-based")
    page = render_page(result).replace("</main>", "<p>about 7,654.3 hectares</p></main>")
    assert set(shown(page)) - roundings(result.to_dict()) == {"7,654.3"}


def test_the_terminal_table_says_the_same(world: dict[str, Path]) -> None:
    from rich.console import Console

    result = judged(world, "design-based")
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(render_table(result))
    missing = set(NUMBER.findall(console.export_text())) - roundings(result.to_dict())
    assert missing == set()
