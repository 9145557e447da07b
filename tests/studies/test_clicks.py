"""P-clicks: rounds of clicks, a mapper who answers them, and the tables made of the records."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from pointillist.errors import InputError
from pointillist.raster import ArraySource
from pointillist.studies import append_record, read_lines
from pointillist.studies.clicks import ClicksCell, answer, run_clicks
from pointillist.studies.clicks_page import write_clicks_page
from pointillist.studies.clicks_table import (
    ClickCurve,
    format_clicks,
    gain_at_half,
    read_curves,
    table_rows,
)
from pointillist.studies.named import find_study
from pointillist.studies.places import Folders, Place

ROOT = Path(__file__).resolve().parents[2]
COLOURS = np.array([[180, 60, 60], [200, 170, 120], [90, 90, 90], [60, 140, 60], [40, 60, 160]])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A small scene of five classes that are hard to tell apart by one pixel, as arrays."""
    folder = tmp_path_factory.mktemp("clicks")
    rng = np.random.default_rng(3)
    mask = np.kron(rng.integers(0, 5, (4, 5)), np.ones((24, 24), dtype=np.int64))
    image = COLOURS[mask].transpose(2, 0, 1) + rng.normal(0, 40, (3, *mask.shape))
    mask[-8:] = 255
    ArraySource(np.clip(image, 0, 255).astype(np.uint8)).save_npz(folder / "dubai2.npz")
    np.savez(folder / "dubai2.mask.npz", mask=mask.astype(np.uint8))
    return Folders(scenes=folder)


CELL = ClicksCell("dubai2", "margin", n_points=60, first_points=30, round_points=20)


@pytest.mark.slow
def test_clicks_come_in_rounds_and_the_map_gets_better(folders: Folders) -> None:
    record = run_clicks(CELL, folders)
    assert [row["clicks"] for row in record["curve"]] == [30, 50, 60]
    assert record["miou"] == record["curve"][-1]["miou"] > record["curve"][0]["miou"]
    assert record["curve"][-1]["labels"] <= 60
    again = run_clicks(CELL, folders)
    assert again["curve"] == record["curve"]


@pytest.mark.slow
@pytest.mark.parametrize("chosen_by", ["random", "diverse", "spread", "oracle"])
def test_all_begin_with_the_same_points(folders: Folders, chosen_by: str) -> None:
    first = run_clicks(replace(CELL, n_points=30), folders)["curve"]
    curve = run_clicks(replace(CELL, chosen_by=chosen_by), folders)["curve"]
    assert curve[0] == first[0]
    assert len(curve) >= 2  # an oracle ends where no errors lie apart any more


@pytest.mark.slow
def test_a_network_is_clicked_for_too(folders: Folders) -> None:
    cell = replace(CELL, recipe="unet", steps=1, n_points=50)
    record = run_clicks(cell, folders)
    assert [row["clicks"] for row in record["curve"]] == [30, 50]


def test_the_mapper_knows_the_mask_but_not_near_borders() -> None:
    mask = np.array([[0, 0, 0, 1, 1, 1, -1]] * 7, dtype=np.int16)
    place = Place("toy", ArraySource(np.zeros((1, 7, 7), dtype=np.uint8)), mask)
    clicks = np.array([[3, 0], [3, 2], [3, 4], [3, 6]])
    assert answer(place, clicks, 0).index.tolist() == [0, 0, 1]
    unsure = answer(place, clicks, 1)
    assert unsure.rowcol.tolist() == [[3, 0], [3, 4]]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"chosen_by": "guessing"}, "chosen_by among margin, .*, oracle; got 'guessing'"),
        ({"recipe": "stack"}, "recipe of forest or unet, got 'stack'"),
        ({"n_points": 10}, "1 to 1000 clicks in all, .* got 10, 30 and 20"),
        ({"round_points": 0}, "in rounds of at least 1; got 60, 30 and 0"),
    ],
)
def test_cells_that_cannot_be_run_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(CELL, **values)


def curve(chosen_by: str, *scores: list[float], unsure_px: int = 0) -> ClickCurve:
    n = len(scores[0])
    return ClickCurve("toy", chosen_by, unsure_px, 50 * np.arange(1, n + 1), np.array(scores))


def test_clicks_are_read_off_the_mean_curve() -> None:
    found = curve("margin", [0.1, 0.3, 0.5], [0.3, 0.5, 0.7])
    assert found.clicks_for(0.5) == pytest.approx(125)
    assert found.clicks_for(0.2) == 50
    assert math.isinf(found.clicks_for(0.61))
    assert format_clicks(found.clicks_for(0.61), 150) == "> 150"


def test_the_gain_is_paired_by_seed() -> None:
    random = curve("random", [0.1] * 5 + [0.4], [0.2] * 5 + [0.5])
    margin = curve("margin", [0.1, 0.3, 0.45], [0.2, 0.4, 0.55])
    gain = gain_at_half([random, margin], "margin", 0, 300)
    assert gain is not None
    assert gain.value == pytest.approx(0.05)
    assert gain.low == pytest.approx(0.05)
    assert gain_at_half([random, margin], "margin", 0, 1000) is None
    assert gain_at_half([margin], "margin", 0, 300) is None
    heads, rows = table_rows([random, margin], 300)
    assert heads == ["strategy", "toy", "mean IoU at 150 less random's at 300"]
    assert rows == [["margin", "133", "+0.050 (+0.050 – +0.050)"]]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Made-up records: `margin` needs half the clicks, the others as many."""
    study = find_study("clicks")
    for cell in study.cells(2):
        factor = 2 if cell.chosen_by == "margin" else 1
        clicks = range(50, cell.n_points + 1, 50)
        rows = [
            {"clicks": n, "labels": n, "overall_accuracy": 0.5,
             "miou": 0.3 + 0.1 * math.log10(factor * n) + 0.01 * cell.seed}
            for n in clicks
        ]  # fmt: skip
        record = {"protocol": "P-clicks", "cell": asdict(cell), "curve": rows}
        append_record(tmp_path / "clicks.jsonl", {**record, **rows[-1], "iou": [0.5] * 5})
    return tmp_path


def test_the_page_says_what_the_records_say(records: Path, tmp_path: Path) -> None:
    curves = read_curves(read_lines(find_study("clicks"), 2, records))
    assert len(curves) == 5 * 8
    page = tmp_path / "docs" / "clicks.md"
    assert write_clicks_page(records, page)
    text = page.read_text(encoding="utf-8")
    assert "| margin | 150 | 150 | 150 | 150 | 150 | -0.000 (-0.000 – -0.000) |" in text.replace(
        "+0.000", "-0.000"
    )
    assert "| margin | 500 | 500 | 500 | 500 | 500 |" in text
    assert "| entropy | > 500 |" in text
    assert (page.parent / "images" / "clicks.svg").read_bytes().startswith(b"<?xml")
    assert not write_clicks_page(tmp_path / "docs", page)


def test_the_committed_page_is_that_of_the_committed_records(
    tmp_path: Path,
) -> None:
    write_clicks_page((ROOT / "studies/records"), tmp_path / "clicks.md")
    made = (tmp_path / "clicks.md").read_text(encoding="utf-8")
    assert made == (ROOT / "docs/clicks.md").read_text(encoding="utf-8")
