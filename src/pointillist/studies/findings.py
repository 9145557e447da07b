"""What the technical report is made of: the records, and what is computed of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pointillist.accuracy.learning_curve import Curve
from pointillist.studies.claim import Claim
from pointillist.studies.claims import make_ledger
from pointillist.studies.cost import CostModel
from pointillist.studies.evidence import Evidence
from pointillist.studies.learning_curve import Budget, find_budgets
from pointillist.studies.places import Folders


@dataclass(frozen=True)
class Findings:
    """What the report is made of.

    Args:
        evidence: The records.
        cost: Times of labelling.
        claims: The ledger.
        curves: Learning curve of each design of P-classic (`per class`, `per image`) with at least
            three numbers of points.
        budgets: For each of these: points for 95, 98 and 99 % of fully supervised quality.
        folders: Where real scenes are, for their images; None leaves these out.
    """

    evidence: Evidence
    cost: CostModel
    claims: list[Claim]
    curves: dict[str, Curve]
    budgets: dict[str, list[Budget]]
    folders: Folders | None = None


def gather(
    records: Path,
    cost: CostModel | None = None,
    folders: Folders | None = None,
    say: Callable[[str], None] | None = None,
) -> Findings:
    """Read the records and compute what the report says.

    Args:
        records: Folder of the records.
        cost: Times of labelling; those of the literature where not given.
        folders: Where real scenes are, for their images.
        say: Told once of records that are left out.
    """
    evidence = Evidence(records, say)
    cost = cost or CostModel()
    curves, budgets = fit_density(evidence)
    claims = make_ledger(evidence, cost)
    return Findings(evidence, cost, claims, curves, budgets, folders)


def fit_density(evidence: Evidence) -> tuple[dict[str, Curve], dict[str, list[Budget]]]:
    """Learning curves of random points per class and of as many in total, and what they lead to.

    Both studies of the points are used: the designs are not mixed, because at the same number of
    points one is ahead of the other.
    """
    scores: dict[str, dict[int, dict[int, float]]] = {"per class": {}, "per image": {}}
    for line in (*evidence.table("density"), *evidence.table("sampling")):
        cell = line.row.cell
        if cell.strategy == "random":
            design = "per class" if cell.n_points is None else "per image"
            scores[design][cell.points_per_image] = line.by_seed("miou")
    masks = evidence.line("baselines", "full masks")
    full = masks.by_seed("miou") if masks is not None else {}
    curves, budgets = {}, {}
    for design, found in scores.items():
        if len(found) >= 3 and full:
            curves[design], budgets[design] = find_budgets(found, full)
    return curves, budgets
