"""The snippet of docs/export.md runs as printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from export_cases import make_network

import pointillist

PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"


@pytest.mark.parametrize("input", ["deepness", "raw"])
def test_the_snippet(input: str, small_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_world.folder)
    model = make_network("linknet")
    pointillist.export(model, "model.onnx", input=input)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    names: dict[str, Any] = {}
    exec(compile(snippet, "export.md", "exec"), names)
    with rasterio.open("scene.tif") as scene:
        expected = model.legend.to_codes(model.predict(scene.read()).argmax(axis=0))
    assert (names["codes"] == expected).mean() > 0.999
    assert set(np.unique(names["codes"])) <= set(model.legend.codes)
