"""One line of the claims ledger: what is claimed, what was measured, the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from pointillist.studies import reference
from pointillist.studies.evidence import Evidence

REPRODUCED, EXCEEDED, NOT_REPRODUCED = "reproduced", "exceeded", "not reproduced"
CONFIRMED, NOT_CONFIRMED = "confirmed", "not confirmed"
SAME, DIFFERENT, MET, MISSED = "same", "different", "met", "missed"
NOT_MEASURED = "not measured yet"
VERDICTS = (
    EXCEEDED, REPRODUCED, NOT_REPRODUCED, CONFIRMED, NOT_CONFIRMED, SAME, DIFFERENT, MET, MISSED,
    NOT_MEASURED,
)  # fmt: skip
SET_UP, TARGETS = "Set-up", "Targets of this project"
DOUBTS = "Inconsistencies, settled"
"""Group of what is said of the reference study, not by it: confirmed or not, and counted apart."""


@dataclass(frozen=True)
class Claim:
    """One line of the ledger.

    Args:
        group: Where the reference study says it.
        text: What it says.
        measured: What this project measured, with its interval; empty where nothing was.
        verdict: One of `VERDICTS`.
        why: The reason, or what is missing.
    """

    group: str
    text: str
    measured: str
    verdict: str
    why: str = ""


def plain_scores(evidence: Evidence) -> dict[int, list[float] | None]:
    """Mean IoU of plain training by points per class, None where nothing is recorded."""
    row = "{} per class, plain training, one view"
    return {n: evidence.values("baselines", row.format(n)) for n in reference.DENSITY}
