"""Simulated points: the labels of a full mask that a mapper might have clicked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import InputError
from pointillist.sampling import sample_point_labels, sample_points_per_class


@dataclass(frozen=True)
class PointPlan:
    """How many points to draw from a mask, and where.

    Args:
        n_per_class: Points of every class in the mask.
        n_total: Points in total, in place of a number per class.
        strategy: Any design of `pointillist.sampling`.

    Raises:
        InputError: Fewer than 1 point.
    """

    n_per_class: int = 10
    n_total: int | None = None
    strategy: str = "random"

    def __post_init__(self) -> None:
        n = self.n_per_class if self.n_total is None else self.n_total
        if n < 1:
            raise InputError(f"Expected at least 1 point per class or image, got {n}.")

    def draw(
        self, full: NDArray[np.integer], n_classes: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw a point mask (H, W), −1 where unlabelled.

        Args:
            full: (H, W) class indices, −1 where there is no class. Where fewer pixels have a class
                than points are wanted, all of them are points.
            n_classes: Number of classes.
            rng: Source of randomness.
        """
        n_known = int(np.count_nonzero(full >= 0))
        if not n_known:
            return np.full(full.shape, -1, dtype=np.int64)
        if self.n_total is not None:
            return sample_point_labels(full, min(self.n_total, n_known), self.strategy, rng=rng)
        return sample_points_per_class(
            full, self.n_per_class, self.strategy, rng=rng, num_classes=n_classes
        )
