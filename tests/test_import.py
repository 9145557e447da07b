"""What an import costs, and what it must not need."""

from __future__ import annotations

import subprocess
import sys

import pytest


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_command_line_starts_light() -> None:
    code = (
        "import sys\nfrom pointillist.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'rasterio', 'geopandas', 'lightning', 'sklearn', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = _run(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "room",
    [
        "scenes",
        "sampling",
        "losses",
        "models",
        "features",
        "data",
        "training",
        "studies",
        "accuracy",
    ],
)
def test_arrays_need_no_rasterio(room: str) -> None:
    """A bare GPU machine has torch and lightning, and neither rasterio nor geopandas."""
    code = (
        "import sys\n"
        "for name in ('rasterio', 'geopandas', 'pyogrio', 'shapely'):\n"
        "    sys.modules[name] = None\n"
        f"import pointillist.{room}\n"
    )
    done = _run(code)
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_there() -> None:
    import pointillist

    for name in pointillist.__all__:
        assert getattr(pointillist, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pointillist.nothing
