"""Study files: those in `configs/studies` are the named studies, and bad ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointillist.errors import ConfigError, InputError, MissingFileError
from pointillist.studies import find_study
from pointillist.studies.named import STUDIES

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "studies"
_GOOD = "name: x\ntitle: x\nrows:\n  - cells: {n_per_class: [5, 10], views: 8}\n"


@pytest.mark.parametrize("name", [name for name in STUDIES if name != "all"])
def test_a_file_for_each_study(name: str) -> None:
    assert find_study(str(CONFIGS / f"{name}.yaml")) == find_study(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_GOOD + "sedes: 3\n", r"Expected a valid study in .*sedes: Extra inputs"),
        (_GOOD.replace("cells", "cell"), r"rows.0.cells: Field required"),
        (_GOOD + "seeds: 0\n", r"seeds: Input should be greater than or equal to 1"),
        ("rows: [1, 2", r"cannot be read as YAML"),
        ("just words", r"Expected keys and values in .*, got str"),
        ("", r"Expected keys and values in .*, got NoneType"),
    ],
)
def test_a_bad_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        find_study(str(path))


def test_unknown_things_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    for old, new, message in (
        ("views: 8", "strategy: guess", "Expected a strategy of .* got 'guess'"),
        ("views: 8", "recipe: magic", "recipe of P-classic .* got 'magic'"),
        ("views", "vews", "Expected keys of P-classic .* got 'vews'"),
        ("  - cells", "  - protocol: P-moon\n    cells", "protocol of P-classic.* got 'P-moon'"),
    ):
        path.write_text(_GOOD.replace(old, new))
        with pytest.raises(InputError, match=message):
            find_study(str(path))
    with pytest.raises(MissingFileError, match=r"does not exist. Check its path"):
        find_study(str(tmp_path / "none.yaml"))
