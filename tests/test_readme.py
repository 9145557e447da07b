"""The README's snippets run as printed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def _snippets() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


def test_the_reference_studys_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (snippet,) = (s for s in _snippets() if "PartialCrossEntropyLoss" in s)
    names: dict[str, Any] = {}
    exec(compile(snippet, "README.md", "exec"), names)
    assert names["image"].shape == (3, 128, 128)
    assert (names["point_mask"] >= 0).sum() <= 50
    assert float(names["loss"]) > 0


@pytest.mark.slow
def test_three_lines_of_python(small_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_world.folder)
    shutil.copy(small_world.points, "reference.gpkg")
    (snippet,) = (s for s in _snippets() if "pointillist.train(" in s)
    shorter = snippet.replace('out="run")', 'out="run", steps=4, encoder="slim", weights="none")')
    assert shorter != snippet
    names: dict[str, Any] = {}
    exec(compile(shorter, "README.md", "exec"), names)
    assert Path("map.tif").exists()
    assert names["result"].to_dict()["overall_accuracy"] is not None


def test_the_two_commands_are_named() -> None:
    text = README.read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text


@pytest.mark.parametrize(
    "page",
    sorted(p for p in README.parent.glob("*.md")) + sorted(README.parent.glob("docs/**/*.md")),
    ids=lambda page: str(page.relative_to(README.parent)),
)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, heading = target.partition("#")
        if path.startswith(("http:", "https:", "mailto:")):
            continue
        linked = page.parent / path if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if heading and linked.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.M)
            anchors = {
                re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in headings
            }
            assert heading in anchors, f"{page.name} links to {target}"
