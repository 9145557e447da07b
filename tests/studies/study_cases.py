"""A cell that takes no time, and records made up for a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pointillist.studies import append_record
from pointillist.studies.classic import ClassicCell
from pointillist.studies.plan import Study


@dataclass(frozen=True)
class ToyCell:
    n: int = 1
    seed: int = 0
    later: int | None = None


Score = Callable[[ClassicCell], float]


def make_records(study: Study, folder: Path, n_seeds: int, score: Score) -> None:
    """Records of a study on generated scenes with scores of one's choice."""
    for cell in dict.fromkeys(study.cells(n_seeds)):
        if isinstance(cell, ClassicCell):
            value = score(cell)
            figures = {"miou": value, "pixel_accuracy": value + 0.01, "iou": [value] * 5}
            record = {
                "protocol": "P-classic",
                "cell": asdict(cell),
                **figures,
                "precision": [value] * 5,
                "recall": [value] * 5,
                "single_view": figures,
            }
            append_record(folder / "classic.jsonl", record)
