"""The commands of the tutorial on area statements run as printed, on a corner of its scene."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio
from rasterio.windows import Window

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tutorials" / "area_statement.md"
CORNER = Window(300, 500, 420, 420)


@pytest.fixture
def corner(real_data: Path, tmp_path: Path) -> Path:
    """A folder with a corner of the scene under the names that the page uses."""
    (tmp_path / "dubai").mkdir()
    for name in ("dubai2_image.tif", "dubai2_mask.tif"):
        with rasterio.open(real_data / "dubai" / name) as whole:
            profile = {
                "driver": "GTiff", "height": 420, "width": 420, "count": whole.count,
                "dtype": whole.dtypes[0], "crs": whole.crs, "nodata": whole.nodata,
                "transform": whole.window_transform(CORNER),
            }  # fmt: skip
            with rasterio.open(tmp_path / "dubai" / name, "w", **profile) as part:
                part.write(whole.read(window=CORNER))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (legend,) = re.findall(r"```\n(code,name,color\n.*?)```", PAGE.read_text("utf-8"), re.S)
    (tmp_path / "legend.csv").write_text(legend, encoding="utf-8")
    return tmp_path


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.slow
def test_the_commands_run_as_printed(corner: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for line in commands():
        program, *words = shlex.split(line)
        start = [sys.executable, *(["-m", "pointillist"] if program == "pointillist" else [])]
        done = subprocess.run(
            [*start, *words], cwd=corner, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    stated, truth = (json.loads((corner / f"{n}.json").read_text()) for n in ("accuracy", "truth"))
    assert stated["kind"] == "design-based"
    assert truth["kind"] == "census"
    assert "Map accuracy report" in (corner / "accuracy.html").read_text("utf-8")
    assert (corner / "area.png").stat().st_size > 10_000
    low, high = stated["overall_accuracy"]["ci"]
    assert low - 0.03 < truth["overall_accuracy"] < high + 0.03


def test_the_page_has_the_commands_of_its_story() -> None:
    verbs = [line.split()[1] for line in commands() if line.startswith("pointillist")]
    assert verbs == ["sample", "train", "predict", "sample", "assess", "assess"]
