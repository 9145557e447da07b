"""A protocol that takes no time."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from study_cases import ToyCell

from pointillist.studies.protocols import Protocol, protocols


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[ToyCell]:
    """Cells of the toy protocol that were run; number 13 is interrupted."""
    cells: list[ToyCell] = []

    def run(cell: ToyCell, _: Any) -> dict[str, Any]:
        if cell.n == 13:
            raise KeyboardInterrupt
        cells.append(cell)
        return {"protocol": "P-toy", "cell": asdict(cell), "miou": cell.n / 10}

    toy = Protocol("P-toy", 2, ToyCell, run, "toy.jsonl", accuracy="miou")
    monkeypatch.setitem(protocols(), "P-toy", toy)
    return cells
