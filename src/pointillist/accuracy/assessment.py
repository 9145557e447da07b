"""The outcome of judging a map."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pointillist.accuracy.breakdown import count_totals, rank_confusions
from pointillist.accuracy.design import Design
from pointillist.accuracy.estimators import AccuracyEstimates, Estimate
from pointillist.accuracy.matrix import ErrorMatrix
from pointillist.accuracy.places import ErrorGrid, Places
from pointillist.accuracy.reference import PathLike
from pointillist.legend import Legend

INTERVALS = (
    "(normal where the score interval agrees with it, else the score interval: Wilson's, put "
    "together over strata by the square-and-add rule of Zou et al. 2009)"
)
Kind = Literal["census", "design-based", "descriptive"]


@dataclass(frozen=True, eq=False)
class Assessment:
    """What a reference says about a map.

    Args:
        kind: `census` compares every pixel of a dense reference; `design-based` estimates from a
            probability sample, with standard errors; `descriptive` counts at the given points.
        legend: The map's classes, then those that only the reference has.
        matrix: Pixels or samples by map class and reference class.
        estimates: The figures. Area proportions are those of the reference (census), estimates
            (design-based), or what the map shows, uncorrected (descriptive).
        population_px: Pixels that the area proportions are shares of.
        hectares_per_pixel: None where hectares cannot be stated.
        confidence: Of the intervals.
        design: How the sample was drawn; None unless `design-based`.
        fpc: Whether the finite population correction was used.
        notices: What the reader must know, one sentence each.
        map_name: The map's file.
        reference_name: The reference's file.
        population_hectares: Ground that the area proportions are shares of; `population_px` times
            `hectares_per_pixel` when None.
        map_hectares: (C,) ground of each class in the whole map, where pixels cover different
            ground.
        map_pixels: (C,) pixels of each class in the map, over the ground that the areas are about;
            None where nobody counted them there.
        extent: Of the map, see `describe_extent`.
        places: Reference points that judged, where there are any and not too many.
        error_grid: Where a census found errors.
        ground: (h, w) the map's classes thinned to a small picture, −1 for none; not in the JSON.
        account: What became of each feature of the reference: numbers by outcome (`in_file`,
            `used`, `cannot_tell`, `no_class`, `outside`, …).
        nonresponse: Sampled places that nobody could answer: `n`, `n_sampled`, `by_stratum`,
            `assumption`, and `bounds` of every figure without that assumption.
        leakage: Reference points on or near training points: `training`, `n`, `on`, `near`,
            `near_m`, `expected_near`.
        not_estimable: Figures without a value or interval: `figure`, `class`, `why`.
        bootstrap: How the bootstrap intervals were made: `replicates`, `seed`.
    """

    kind: Kind
    legend: Legend
    matrix: ErrorMatrix
    estimates: AccuracyEstimates
    population_px: float
    hectares_per_pixel: float | None = None
    confidence: float = 0.95
    design: Design | None = None
    fpc: bool = False
    notices: tuple[str, ...] = ()
    map_name: str = "map"
    reference_name: str = "reference"
    population_hectares: float | None = None
    map_hectares: NDArray[np.float64] | None = None
    map_pixels: NDArray[np.int64] | None = None
    extent: dict[str, Any] | None = None
    places: Places | None = None
    error_grid: ErrorGrid | None = None
    ground: NDArray[np.int16] | None = None
    account: Mapping[str, int] | None = None
    nonresponse: Mapping[str, Any] | None = None
    leakage: Mapping[str, Any] | None = None
    not_estimable: tuple[Mapping[str, Any], ...] = ()
    bootstrap: Mapping[str, Any] | None = None

    @property
    def overall_accuracy(self) -> float:
        """Share of the pixels that is right."""
        return self.estimates.overall.value

    @property
    def mean_iou(self) -> float:
        """Mean IoU over the classes that the reference has."""
        return self.estimates.mean_iou.value

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data: the content of `assess --json`, and all that reports show."""
        per_class, e = self._per_class, self.estimates
        kappa = {} if e.kappa is None else {"kappa": self._stated(e.kappa)}
        return {
            "kind": self.kind,
            "map": self.map_name,
            "reference": self.reference_name,
            "n": self.matrix.n,
            "classes": list(self.legend.names),
            "confusion_matrix": self.matrix.counts.tolist(),
            "unmapped": dict(zip(self.legend.names, self.matrix.unmapped.tolist(), strict=True)),
            "matrix_proportions": _numbers(e.cells),
            "totals": count_totals(self.matrix),
            "confusions": rank_confusions(self.matrix, e.cells),
            "overall_accuracy": self._stated(e.overall),
            "users_accuracy": per_class(e.users),
            "producers_accuracy": per_class(e.producers),
            "f1": per_class(e.f1),
            "iou": per_class(e.iou),
            "mean_iou": self._stated(e.mean_iou),
            **kappa,
            "area": {
                name: {"proportion": self._stated(a), "hectares": self._hectares(c)}
                for c, (name, a) in enumerate(zip(self.legend.names, e.area, strict=True))
            },
            "mapped_area": self._mapped_area(),
            "confidence": self.confidence,
            "intervals": INTERVALS if self.kind == "design-based" else None,
            "design": self._design_as_dict(),
            "legend": self.legend.to_dict(),
            "notices": list(self.notices),
            "not_estimable": [dict(entry) for entry in self.not_estimable],
            "bootstrap": _plain(self.bootstrap),
            "points": _plain(self.account),
            "nonresponse": _plain(self.nonresponse),
            "leakage": _plain(self.leakage),
            "map_extent": self.extent,
            "places": None if self.places is None else self.places.to_dict(self.legend.names),
            "error_grid": None if self.error_grid is None else self.error_grid.to_dict(),
        }

    def write_json(self, path: PathLike, *, overwrite: bool = False) -> Path:
        """Write `to_dict` to a file, complete or not at all."""
        from pointillist.report import write_file

        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        return write_file(path, text + "\n", overwrite=overwrite)

    def write_html(self, path: PathLike, *, overwrite: bool = False) -> Path:
        """Write the report page: one HTML file that needs no other."""
        from pointillist.report import write_page

        return write_page(self, path, overwrite=overwrite)

    def _stated(self, figure: Estimate) -> Any:
        stated = figure.to_dict()
        return stated if self.kind == "design-based" else stated["estimate"]

    def _per_class(self, values: list[Estimate]) -> dict[str, Any]:
        return {n: self._stated(v) for n, v in zip(self.legend.names, values, strict=True)}

    def _hectares(self, c: int) -> Any:
        total = self.population_hectares
        if total is None:
            if self.hectares_per_pixel is None:
                return None
            total = self.population_px * self.hectares_per_pixel
        return self._stated((self.estimates.area_of_all or self.estimates.area)[c].scaled(total))

    def _mapped_area(self) -> dict[str, Any] | None:
        """What the map itself shows of each class: counted pixels, not corrected for errors."""
        if self.map_pixels is None:
            return None
        hectares: list[float] | list[None] = [None] * len(self.map_pixels)
        if self.map_hectares is not None:
            hectares = self.map_hectares.tolist()
        elif self.hectares_per_pixel is not None:
            hectares = (self.map_pixels * self.hectares_per_pixel).tolist()
        amount = self.map_pixels if self.map_hectares is None else self.map_hectares
        shares = (amount / max(float(amount.sum()), 1e-300)).tolist()
        columns = zip(self.legend.names, self.map_pixels.tolist(), shares, hectares, strict=True)
        return {
            name: {"pixels": n, "proportion": share, "hectares": ha}
            for name, n, share, ha in columns
        }

    def _design_as_dict(self) -> dict[str, Any] | None:
        if self.design is None:
            return None
        n = np.bincount(self.design.stratum, minlength=len(self.design.strata)).tolist()
        rows = zip(self.design.strata, n, self.design.sizes.tolist(), strict=True)
        return {
            "name": self.design.name,
            "estimator": self.design.estimator,
            "strata": [{"name": s, "n": count, "pixels": size} for s, count, size in rows],
            "strata_are_map_classes": self.design.are_map_classes,
            "fpc": self.fpc,
            "estimated_matrix": _numbers(self.estimates.cells),
        }


def _plain(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if facts is None else dict(facts)


def _numbers(values: NDArray[np.float64]) -> list[list[float | None]]:
    """Nested lists with null for NaN."""
    return [[None if np.isnan(v) else float(v) for v in row] for row in values]
