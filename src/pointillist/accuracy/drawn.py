"""How points in use were drawn, and what of the map that depends on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointillist.legend import Legend

ONE_STRATUM = ("simple", "systematic")
STRATIFIED = ("stratified", "balanced")
PROBABILITY_DESIGNS = ONE_STRATUM + STRATIFIED


@dataclass(frozen=True, eq=False)
class Design:
    """How the points in use were drawn.

    Args:
        name: One of `PROBABILITY_DESIGNS`.
        stratum: (n,) stratum number of each point in use; −1 for a point outside every stratum.
        strata: H names.
        sizes: (H,) pixels of each stratum.
        are_map_classes: Whether the strata are the classes of the map under judgement.
        map_class: (H,) class index of each stratum where they are; C for pixels without a class.
        post: Whether the strata were formed after the draw.
        weights: (n,) 1 / inclusion probability, in units of its mean in the stratum, where
            probabilities differ within a stratum; None where they do not.
    """

    name: str
    stratum: NDArray[np.int64]
    strata: tuple[str, ...]
    sizes: NDArray[np.float64]
    are_map_classes: bool = False
    map_class: NDArray[np.int64] | None = None
    post: bool = False
    weights: NDArray[np.float64] | None = None

    @property
    def estimator(self) -> str:
        """`simple` (one stratum, also for systematic samples), `stratified`, `post-stratified`."""
        if self.post:
            return "post-stratified"
        return "simple" if self.name in ONE_STRATUM else "stratified"


@dataclass(frozen=True, eq=False)
class OwnClasses:
    """The map's classes as they are in the map, where a crosswalk joins some of them.

    Args:
        legend: The Cm classes.
        at_points: (n,) class at each point in use, −1 where it has none.
        pixels: (Cm,) pixels of each class in the whole map.
        becomes: (Cm + 1,) the class in the joined legend, −1 for none; None where they are alike.
    """

    legend: Legend
    at_points: NDArray[np.int64]
    pixels: NDArray[np.int64]
    becomes: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class MapFacts:
    """What the design needs to know of the map.

    Args:
        legend: Its classes (those only the reference has come after).
        pixels: (C,) pixels of each class in the whole map.
        at_points: (n,) map class at each point in use, −1 where it has none.
        inside: (n,) whether it lies on the map's grid; all do where None.
        own: Classes of the map before a crosswalk joined some; None where it joins none.
    """

    legend: Legend
    pixels: NDArray[np.int64]
    at_points: NDArray[np.int64]
    inside: NDArray[np.bool_] | None = None
    own: OwnClasses | None = None

    @property
    def on_grid(self) -> NDArray[np.bool_]:
        """(n,) whether each point lies on the map's grid."""
        return np.ones(len(self.at_points), dtype=bool) if self.inside is None else self.inside
