"""The snippet of docs/accuracy.md runs as printed, and its keys are those of the JSON."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pointillist.accuracy import Assessment, StratifiedSample, estimate
from pointillist.accuracy.matrix import error_matrix
from pointillist.legend import Legend

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"


def test_the_snippet_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    exec(compile(snippet, "accuracy.md", "exec"), {})
    said = re.findall(r"^print\(.*\)  # (.*)$", snippet, re.M)
    assert len(said) == 3
    assert capsys.readouterr().out.splitlines() == said


def test_every_key_is_explained() -> None:
    sample = StratifiedSample.from_labels([0, 0, 1, 1], [0, 1, 1, 1], 2)
    result = Assessment(
        "design-based",
        Legend.from_names(["Water", "Forest"]),
        error_matrix(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2),
        estimate(sample),
        4.0,
    )
    text = PAGE.read_text(encoding="utf-8")
    assert [key for key in result.to_dict() if f"`{key}`" not in text] == []
