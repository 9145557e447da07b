"""The notebook runs from the committed records, and from none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "analysis.ipynb"


def execute() -> Any:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": NOTEBOOK.parent}}
    ).execute()
    return notebook


def count_figures(notebook: Any) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/svg+xml" in output.get("data", {}) for output in outputs)


@pytest.mark.slow
def test_every_figure_is_made_of_the_committed_records() -> None:
    notebook = execute()
    assert count_figures(notebook) >= 5
    assert "exceeded" in str(notebook.cells[-2]["outputs"])


@pytest.mark.slow
def test_without_records_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTILLIST_RECORDS", str(tmp_path))
    notebook = execute()
    assert count_figures(notebook) == 0
    assert "Nothing is recorded of this yet." in str(notebook.cells)


def test_it_is_committed_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
