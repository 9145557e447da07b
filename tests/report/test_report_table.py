"""What `assess` prints in the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from pointillist.accuracy import assess_census, error_matrix
from pointillist.legend import Legend
from pointillist.report import render_table
from pointillist.report.stated import Stated, amount


def printed(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=110, color_system=None)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_table_says_what_the_json_says() -> None:
    legend = Legend.from_names(["Water", "Road"])
    result = assess_census(error_matrix([0, 0, 1, -1], [0, 1, 1, 0], legend.names), legend)
    text = printed(render_table(result))
    assert "Overall accuracy 50.0 %" in text
    assert "Census, n = 4" in text
    assert "• 1 of 4 reference pixels have no class" in text
    accuracy, area = (line.split()[2:] for line in text.splitlines() if "■ Road" in line)
    assert accuracy == ["100.0", "50.0", "66.7", "50.0", "1", "2"]
    assert area[-1] == "50.00"
    assert printed(render_table(result.to_dict())) == text


def test_estimates_show_their_interval() -> None:
    stated = {"estimate": 0.8, "se": 0.05, "ci": [0.7, 0.9]}
    assert Stated.read(stated).percent_interval() == "70.0–90.0"
    assert Stated.read({"estimate": 1.0, "se": None, "ci": None}).percent_interval() == (
        "not estimable"
    )
    assert Stated.read(None).percent() == "–"
    assert Stated.read(0.5).percent_interval() == ""


def test_amounts_have_the_decimals_they_deserve() -> None:
    assert [amount(v) for v in (1234567.8, 99.94, 1.234, None)] == [
        "1,234,568", "99.9", "1.23", "–",
    ]  # fmt: skip
