"""What the technical report is made of: the records, and what is computed of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pointillist.accuracy.learning_curve import Curve
from pointillist.studies import claims as ledger
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
        curve: Learning curve over the density study; None with fewer than three of its rows.
        budgets: Points for 95, 98 and 99 % of fully supervised quality.
        folders: Where real scenes are, for their images; None leaves these out.
    """

    evidence: Evidence
    cost: CostModel
    claims: list[ledger.Claim]
    curve: Curve | None
    budgets: list[Budget]
    folders: Folders | None = None


def gather(
    records: Path, cost: CostModel | None = None, folders: Folders | None = None
) -> Findings:
    """Read the records and compute what the report says."""
    evidence = Evidence(records)
    cost = cost or CostModel()
    curve, budgets = fit_density(evidence)
    claims = ledger.make_ledger(evidence, cost)
    return Findings(evidence, cost, claims, curve, budgets, folders)


def fit_density(evidence: Evidence) -> tuple[Curve | None, list[Budget]]:
    """Learning curve through the rows of the density study, with the budgets it leads to."""
    scores = {
        line.row.cell.points_per_image: line.values("miou") for line in evidence.table("density")
    }
    full = evidence.values("baselines", "full masks")
    if len(scores) < 3 or not full:
        return None, []
    return find_budgets(scores, full)
