"""What the reference study states: every number of its tables, and its claims in words.

One random seed, ImageNet weights, 5 epochs; validation and test against full masks.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pointillist.studies.naming import OURS
from pointillist.studies.plan import Row
from pointillist.studies.protocols import protocol_of

DENSITY = {
    1: (0.8151, 0.9238), 5: (0.9157, 0.9665), 10: (0.9248, 0.9697), 20: (0.9417, 0.9769),
    50: (0.9540, 0.9805),
}  # fmt: skip
"""Points per class → mean IoU, pixel accuracy."""

SAMPLING = {
    ("random", 5): 0.8935, ("random", 10): 0.9259, ("random", 20): 0.9390,
    ("pseudo-stratified", 5): 0.9042, ("pseudo-stratified", 10): 0.9256,
    ("pseudo-stratified", 20): 0.9249,
}  # fmt: skip
"""Strategy and points per class → mean IoU. What it calls stratified is `pseudo-stratified`."""

PER_CLASS = {
    "Urban": (0.9241, 0.9453, 0.9763),
    "Vegetation": (0.9582, 0.9976, 0.9604),
    "Water": (0.9053, 0.9168, 0.9863),
    "Bare Soil": (0.9630, 0.9733, 0.9890),
    "Road": (0.8944, 0.9006, 0.9923),
}
"""Class → IoU, precision, recall of its final model."""

FINAL = (0.9290, 0.9716)
"""Mean IoU and pixel accuracy of its final model, 200 points per image."""

FULL, RANDOM_INITIALISATION, FIVE_STRATIFIED = 0.9450, 0.7820, 0.9042
"""Its baselines: fully supervised, no ImageNet weights, 5 per class stratified; mean IoU."""


def stated_of(row: Row, study: str = "") -> float | None:
    """Mean IoU that the reference study states for a row; None where it states none.

    Args:
        row: Of a table.
        study: Name of the table. It states two figures for random points, one for each experiment.
    """
    cell: Any = row.cell
    if protocol_of(cell).name != "P-classic" or row.figures is not None:
        return None
    unusual = (cell.recipe, cell.trained_on, cell.tested_on, cell.weights, cell.optimizer)
    if any(unusual) or not OURS.items() <= asdict(cell).items() or cell.batch_size != 4:
        return None
    if cell.supervision == "full":
        return FULL
    if cell.n_points is not None:
        return FINAL[0] if cell.n_points == 200 and cell.strategy == "random" else None
    if cell.strategy == "random" and study != "sampling":
        return DENSITY.get(cell.n_per_class, (None,))[0]
    return SAMPLING.get((cell.strategy, cell.n_per_class))
