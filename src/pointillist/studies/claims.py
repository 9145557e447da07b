"""The claims ledger: every number and sentence of the reference study beside what was measured.

A number is *reproduced* where this project's 95 % interval holds it, *exceeded* where the interval
lies above it, *not reproduced* where it lies below. Numbers that stand for a drawback (a baseline
said to be bad) and sentences are judged by rules of their own, stated with each.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pointillist.studies import reference
from pointillist.studies.claim import (
    DOUBTS,
    EXCEEDED,
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    SET_UP,
    TARGETS,
    VERDICTS,
    Claim,
)
from pointillist.studies.claims_beside import compare_set_up, judge_targets, settle_doubts
from pointillist.studies.claims_in_words import judge_sentences
from pointillist.studies.cost import CostModel
from pointillist.studies.evidence import Evidence
from pointillist.studies.naming import OWN_POINTS
from pointillist.studies.report_tables import listed
from pointillist.studies.statistics import Mean, mean_over_seeds


def make_ledger(evidence: Evidence, cost: CostModel | None = None) -> list[Claim]:
    """All claims with their verdicts.

    Args:
        evidence: The records.
        cost: Times of labelling; those of the literature where not given.
    """
    parts = (
        _density(evidence),
        _sampling(evidence),
        _per_class(evidence),
        _baselines(evidence),
        judge_sentences(evidence, cost or CostModel()),
        settle_doubts(evidence),
        compare_set_up(evidence),
        judge_targets(evidence),
    )
    return [claim for part in parts for claim in part]


def _number(
    group: str, text: str, stated: float, values: Sequence[float] | None, why: str = ""
) -> Claim:
    """A number that is good when it is high."""
    if not values:
        return Claim(group, f"{text}: {stated:.4f}", "", NOT_MEASURED, "no records")
    mean = mean_over_seeds(values)
    verdict, reason = _judge(mean, stated)
    return Claim(group, f"{text}: {stated:.4f}", str(mean), verdict, why or reason)


def _judge(mean: Mean, stated: float) -> tuple[str, str]:
    if mean.n < 2:
        return NOT_MEASURED, "one seed, no interval"
    if mean.low > stated:
        return EXCEEDED, f"by {mean.value - stated:.4f}"
    if mean.high < stated:
        return NOT_REPRODUCED, f"{stated - mean.value:.4f} below"
    return REPRODUCED, "inside the interval"


def _density(evidence: Evidence) -> list[Claim]:
    group = "Experiment 1, point density"
    claims = []
    for n, (miou, accuracy) in reference.DENSITY.items():
        name = f"{n} per class"
        text = f"{n} point{'s' if n > 1 else ''} per class"
        claims += [
            _number(group, f"{text}, mean IoU", miou, evidence.values("density", name)),
            _number(
                group,
                f"{text}, pixel accuracy",
                accuracy,
                evidence.values("density", name, "pixel_accuracy"),
            ),
        ]
    return claims


def _sampling(evidence: Evidence) -> list[Claim]:
    group = "Experiment 2, sampling strategy"
    claims = []
    for (strategy, n), stated in reference.SAMPLING.items():
        name = f"{n} per class" + ("" if strategy == "random" else f", {strategy}")
        said = "random" if strategy == "random" else "stratified (its own sampler)"
        values = evidence.values("sampling", name)
        claims.append(_number(group, f"{said}, {n} per class, mean IoU", stated, values))
    return claims


def _per_class(evidence: Evidence) -> list[Claim]:
    group = "Per class, final model"
    found = {
        figure: evidence.by_class("density", "200 per image", figure)
        for figure in ("iou", "precision", "recall")
    }
    claims = []
    for c, (name, stated) in enumerate(reference.PER_CLASS.items()):
        for figure, number in zip(found, stated, strict=True):
            table = found[figure]
            values = None if table is None else table[:, c].tolist()
            word = "IoU" if figure == "iou" else figure
            claims.append(_number(group, f"{name}, {word}", number, values))
    for figure, number in zip(("miou", "pixel_accuracy"), reference.FINAL, strict=True):
        word = "mean IoU" if figure == "miou" else "pixel accuracy"
        values = evidence.values("density", "200 per image", figure)
        claims.append(_number(group, f"final model, {word}", number, values))
    return claims


def _baselines(evidence: Evidence) -> list[Claim]:
    group = "Baselines"
    final, full = "200 per image", "full masks"
    plain = "200 per image, plain training, one view"
    return [
        _number(
            group,
            "pCE with 200 points per image",
            reference.FINAL[0],
            evidence.values("baselines", final),
        ),
        _number(group, "fully supervised", reference.FULL, evidence.values("baselines", full)),
        _random_initialisation(evidence, group, plain),
        _number(
            group,
            "5 points per class, stratified",
            reference.FIVE_STRATIFIED,
            evidence.values("sampling", "5 per class, pseudo-stratified"),
        ),
    ]  # fmt: skip


def _random_initialisation(evidence: Evidence, group: str, plain: str) -> Claim:
    """A number that stands for a drawback: ours lies above it, so the drawback is not there."""
    stated = reference.RANDOM_INITIALISATION
    text = f"random initialisation (no ImageNet), 200 points: {stated:.4f}"
    found = {name: evidence.values("baselines", name) for name in (OWN_POINTS, plain)}
    told = [(name, mean_over_seeds(values)) for name, values in found.items() if values]
    if not told:
        return Claim(group, text, "", NOT_MEASURED, "no records")
    measured = "; ".join(f"{name}: {mean}" for name, mean in told)
    worst = min(mean.value if mean.n < 2 else mean.low for _, mean in told)
    if worst > stated:
        why = "the same set-up without ImageNet weights does far better than that"
        return Claim(group, text, measured, NOT_REPRODUCED, why)
    return Claim(group, text, measured, REPRODUCED, "no better here")


def count_verdicts(claims: Sequence[Claim]) -> str:
    """How many of the study's own claims got each verdict, and of the doubts about it, in words."""
    apart = (DOUBTS, SET_UP, TARGETS)
    own = [claim.verdict for claim in claims if claim.group not in apart]
    doubts = [claim.verdict for claim in claims if claim.group == DOUBTS]
    told = f"Of {len(own)} claims (two numbers stand in two of its tables) {_count(own)}."
    if doubts:
        told += f" Of {len(doubts)} inconsistencies found in it {_count(doubts)}."
    return told


def _count(verdicts: Sequence[str]) -> str:
    return listed(
        f"{n} {'is' if n == 1 else 'are'} {v}" for v in VERDICTS if (n := verdicts.count(v))
    )


def write_ledger(claims: Sequence[Claim], path: Path) -> None:
    """Write the ledger as Markdown; the same claims give the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_ledger(claims), encoding="utf-8")


def render_ledger(claims: Sequence[Claim]) -> str:
    """The ledger as Markdown."""
    lines = [
        "# Claims ledger",
        "",
        "Every number and every claim of the reference study (U-Net, ResNet-34, partial "
        "cross-entropy, ImageNet weights, one seed) beside what this project measures, from random "
        "initialisation. Made by `pointillist report` from `studies/records/`; not edited by hand.",
        "",
        "Mean over seeds with Student's 95 % interval, or ± half of it. *Exceeded*: the interval "
        "lies above the number; *reproduced*: it holds it; *not reproduced*: it lies below, or the "
        "sentence does not hold, as where a number tells a drawback and the interval lies above "
        "it. Each number has an interval of its own, not corrected for how "
        "many there are. *Confirmed*: what was said of the study, not by it, is so.",
        "",
        count_verdicts(claims),
    ]
    for group in dict.fromkeys(claim.group for claim in claims):
        lines += [
            "",
            f"## {group}",
            "",
            "| claim | measured | verdict | why |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {claim.text} | {claim.measured or '—'} | **{claim.verdict}** | {claim.why} |"
            for claim in claims
            if claim.group == group
        ]
    return "\n".join(lines) + "\n"
