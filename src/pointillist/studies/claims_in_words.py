"""The claims ledger's sentences: each claim in words is judged by a rule of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from pointillist.studies import reference
from pointillist.studies.claim import (
    EXCEEDED,
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    Claim,
    plain_scores,
)
from pointillist.studies.cost import CostModel
from pointillist.studies.evidence import Evidence
from pointillist.studies.naming import OWN_MASKS, OWN_POINTS, name_variant
from pointillist.studies.report_tables import listed
from pointillist.studies.scene_table import main_lines, on_shared_seeds
from pointillist.studies.statistics import Mean, mean_over_seeds
from pointillist.studies.tables import Line, spread

_WORDS = "Claims in words"
_LEAST_SEEDS = 5


def judge_sentences(evidence: Evidence, cost: CostModel) -> list[Claim]:
    """Claims (a) to (g)."""
    rules: tuple[Callable[[Evidence], Claim], ...] = (
        _share_of_pixels,
        _share_of_quality,
        _biggest_gain,
        _stratified_helps,
        _pretraining,
        _transfer,
    )
    return [*(rule(evidence) for rule in rules), _labelling_cost(evidence, cost)]


def _share_of_pixels(evidence: Evidence) -> Claim:
    """Held by a row with fewer than 163 points per image, 1 % of 128²."""
    text = "(a) 92.9 % mean IoU with less than 1 % of the pixels"
    values = evidence.values("density", "50 per image")
    if not values:
        return Claim(_WORDS, text, "", NOT_MEASURED, "no records of 50 points per image")
    mean = mean_over_seeds(values)
    share = 100 * 50 / 128**2
    measured = f"50 points per image are {share:.2f} % of the pixels: {mean}"
    low = mean.value if mean.n < 2 else mean.low
    why = (
        "its own 200 points per image are 1.22 % of the pixels, not less than 1 %; the sentence "
        "holds with fewer points than it used"
    )
    if low > 0.929:
        return Claim(_WORDS, text, measured, EXCEEDED, why)
    return Claim(_WORDS, text, measured, NOT_REPRODUCED, "50 points do not reach it")


def _share_of_quality(evidence: Evidence) -> Claim:
    """Held where 50 points of this project, and 200 by the study's own recipe, reach 98 %."""
    text = "(b) 98 % of fully supervised quality with 99 % fewer labels"
    full = ("baselines", "full masks")
    ratios = {
        n: [ours / masks for ours, masks in evidence.pairs_across(("density", row), full)]
        for n, row in ((50, "50 per image"), (200, "200 per image"))
    }
    told = [
        f"{n} points per image ({100 * (1 - n / 128**2):.1f} % fewer): ratio {mean_over_seeds(v)}"
        for n, v in ratios.items()
        if v
    ]
    if len(ratios[50]) < 2:
        why = "no records of 50 points per image and of full masks on two seeds"
        return Claim(_WORDS, text, "", NOT_MEASURED, why)
    judged = [mean_over_seeds(ratios[50])]
    why = "its own 200 of 16,384 pixels are 98.8 % fewer; judged by 50 points"
    own = evidence.pairs("baselines", OWN_POINTS, OWN_MASKS)
    if len(own) > 1:
        judged.append(mean_over_seeds([ours / masks for ours, masks in own]))
        told.append(f"200 by its own recipe, against its own full masks: ratio {judged[1]}")
        why += " and by its own recipe, the lower of the two"
    least = min(judged, key=lambda mean: mean.value)
    verdict = EXCEEDED if least.low > 0.98 else REPRODUCED if least.high > 0.98 else NOT_REPRODUCED
    return Claim(_WORDS, text, "; ".join(told), verdict, why)


def _biggest_gain(evidence: Evidence) -> Claim:
    """Gains between neighbouring numbers of simple random points per image."""
    text = "(c) the biggest gain is from 50 to 200 points per image; gains beyond 500 are marginal"
    places = {
        n: next((s for s in ("density", "sampling") if evidence.line(s, f"{n} per image")), None)
        for n in (5, 10, 25, 50, 200, 500, 1000)
    }
    rows = [(n, (study, f"{n} per image")) for n, study in places.items() if study is not None]
    gains: dict[tuple[int, int], Mean] = {}
    for (fewer, one), (more, other) in pairwise(rows):
        pairs = evidence.pairs_across(other, one)
        if len(pairs) > 1:
            gains[fewer, more] = mean_over_seeds([b - a for b, a in pairs])
    if not {(50, 200), (500, 1000)} <= gains.keys():
        return Claim(_WORDS, text, "", NOT_MEASURED, "no records of two seeds for each row")
    measured = "; ".join(f"{a} → {b}: {spread(gain, plus='+')}" for (a, b), gain in gains.items())
    said = gains[50, 200]
    greater = [f"{a} to {b}" for (a, b), gain in gains.items() if gain.low > said.high]
    most = max(gains, key=lambda step: gains[step].value)
    marginal = gains[500, 1000].value < 0.005
    why = f"beyond 500: {'under' if marginal else 'over'} 0.005"
    if greater:
        why += f"; but more is gained from {listed(greater)}, whose intervals lie above it"
    elif most != (50, 200):
        why += f"; but the step from {most[0]} to {most[1]} gains most in the mean"
    if most != (50, 200):
        spoken_of = [step for step in gains if step[0] >= 50]
        if max(spoken_of, key=lambda step: gains[step].value) == (50, 200):
            why += "; from 50 on the step from 50 to 200 gains most"
    verdict = REPRODUCED if marginal and most == (50, 200) else NOT_REPRODUCED
    return Claim(_WORDS, text, measured, verdict, why)


def _stratified_helps(evidence: Evidence) -> Claim:
    """Spread and pseudo-stratified against random, by paired tests with Holm's correction."""
    text = "(d) stratified helps only at 5 points per class or fewer; random suffices from 10"
    told, helped = [], {"spread": [], "pseudo-stratified": []}  # type: ignore[var-annotated]
    for strategy, where in helped.items():
        for n in (1, 2, 5, 10, 20):
            line = evidence.line("sampling", f"{n} per class, {strategy}")
            if line is None or line.comparison is None or line.p is None:
                continue
            if line.comparison.difference.n < _LEAST_SEEDS:
                continue
            told.append(f"{strategy} {n}: {spread(line.comparison.difference, plus='+')}")
            if line.p < 0.05 and line.comparison.difference.value > 0:
                where.append(n)
    if not told:
        return Claim(
            _WORDS,
            text,
            "",
            NOT_MEASURED,
            f"fewer than {_LEAST_SEEDS} seeds each: a test could find nothing",
        )
    found = "; ".join(
        f"{strategy} is better than random at {', '.join(map(str, where)) or 'no number'} per class"
        for strategy, where in helped.items()
    )
    holds = bool(helped["spread"]) and max(helped["spread"]) <= 5
    why = f"{found} (p < .05 after Holm); its own sampler is random sampling by construction"
    return Claim(_WORDS, text, "; ".join(told), REPRODUCED if holds else NOT_REPRODUCED, why)


def _pretraining(evidence: Evidence) -> Claim:
    """Held to be essential where random initialisation stays below what ImageNet weights gave."""
    text = "(e) ImageNet pretraining is essential"
    names = [f"{n} per class" for n in reference.DENSITY]
    found = {n: evidence.values("density", name) for n, name in zip(reference.DENSITY, names)}  # noqa: B905
    if not all(found.values()):
        return Claim(_WORDS, text, "", NOT_MEASURED, "no records of every row of the density table")
    above = _reached(found)
    measured = (
        f"random initialisation reaches the stated figure in {len(above)} of "
        f"{len(found)} rows of the density table with this project's recipe"
    )
    plain = plain_scores(evidence)
    if all(plain.values()):
        measured += (
            f", in {len(_reached(plain))} with plain training, the interval above it in "
            f"{len(_reached(plain, surely=True))}"
        )
    pretrained = [
        line for line in evidence.table("baselines") if getattr(line.row.cell, "weights", None)
    ]
    if pretrained:
        measured += "; " + "; ".join(f"{line.row.name}: {line.miou}" for line in pretrained)
    verdict = NOT_REPRODUCED if len(above) == len(found) else REPRODUCED
    why = "it is not needed for the stated figures: classic scenes are learnt from scratch"
    if verdict == REPRODUCED:
        why = "some of its figures are not reached from a random start"
    if not pretrained:
        why += (
            "; runs with ImageNet weights themselves are not recorded (`--weights FILE` adds them)"
        )
    return Claim(_WORDS, text, measured, verdict, why)


def _reached(scores: Mapping[int, list[float] | None], *, surely: bool = False) -> list[int]:
    """Rows of the density table whose mean, or whose interval, reaches what is stated."""
    means = {n: mean_over_seeds(values) for n, values in scores.items() if values}
    return [
        n
        for n, mean in means.items()
        if (mean.low if surely else mean.value) >= reference.DENSITY[n][0]
    ]


def _transfer(evidence: Evidence) -> Claim:
    """Held where a network that learnt on classic scenes is no worse on others than one of there.

    Its own figure of classic scenes is no measure of it: points on the mapped scene do not reach
    it either.
    """
    text = (
        "(f) directly transferable to real data (ISPRS Potsdam, ISPRS Vaihingen, DeepGlobe Land "
        "Cover, Agriculture-Vision)"
    )
    names = {"network": "200 per image, tested on terrain",
             "forest": "200 per image, forest, tested on terrain"}  # fmt: skip
    terrain = {
        recipe: line
        for recipe, name in names.items()
        if (line := evidence.line("transfer", name)) is not None
    }
    told = [f"classic to terrain, {recipe}: {line.miou}" for recipe, line in terrain.items()]
    fourth = [line for line in evidence.table("transfer") if hasattr(line.row.cell, "scene")]
    here = main_lines(evidence.table("real"))
    here = [line for line in here if "300 points, simple" in line.row.name]
    told += _by_recipe("three Dubai scenes to the fourth", fourth)
    told += _by_recipe("for comparison, 300 points on the mapped Dubai scene itself", here)
    published = [f"{line.row.name}: {line.miou}" for line in evidence.benchmarks() if line.miou.n]
    own = "200 per image, trained on terrain, tested on terrain"
    there, pairs = evidence.line("transfer", own), evidence.pairs("transfer", names["network"], own)
    if len(pairs) < 2 or there is None:
        why = "no records, on two seeds, of a network that learnt elsewhere and of one that did not"
        return Claim(_WORDS, text, "; ".join(told + published), NOT_MEASURED, why)
    lost = mean_over_seeds([moved - stayed for moved, stayed in pairs])
    verdict = REPRODUCED if lost.high >= 0 else NOT_REPRODUCED
    why = (
        f"a network that learnt on terrain reaches {there.miou.value:.3f} there; the difference "
        f"of one that learnt on classic scenes is {spread(lost, 3, plus='+')}"
    )
    if not published:
        why += (
            "; the four data sets named are not recorded (`pointillist study potsdam --root DIR`)"
        )
    return Claim(_WORDS, text, "; ".join(told + published), verdict, why)


def _by_recipe(what: str, lines: Sequence[Line]) -> list[str]:
    """The lowest and highest scene of each recipe, on the draws of the report's tables."""
    found: dict[str, list[Mean]] = {}
    for line in on_shared_seeds(lines):
        found.setdefault(name_variant(line.row.cell), []).append(line.miou)
    scopes = {name: f"{len(means)} scenes, {_draws(means)}" for name, means in found.items()}
    alike = len(set(scopes.values())) == 1
    told = [
        f"{name} {min(m.value for m in means):.3f} to {max(m.value for m in means):.3f}"
        + ("" if alike else f" ({scopes[name]})")
        for name, means in found.items()
    ]
    scope = f" ({next(iter(scopes.values()))})" if alike else ""
    return [f"{what}{scope}: {', '.join(told)}"] if told else []


def _draws(means: Sequence[Mean]) -> str:
    few, many = min(m.n for m in means), max(m.n for m in means)
    if many == 1:
        return "one draw each"
    return f"{few} draws each" if few == many else f"{few} to {many} draws each"


def _labelling_cost(evidence: Evidence, cost: CostModel) -> Claim:
    """The cost model with its parameters."""
    text = "(g) $0.50 per image of labelling cost, 99 % saved"
    seconds = cost.points_seconds(200)
    saved = cost.saved(200)
    words = "saved" if saved > 0 else "more"
    measured = (
        f"200 points at {cost.seconds_per_point:g} s are {seconds / 60:.0f} min, a full mask at "
        f"{cost.minutes_per_mask:.1f} min: {100 * abs(saved):.0f} % {words}; "
        f"{cost.money(seconds):.2f} dollars per image at {cost.hourly_wage:g} an hour"
    )
    why = (
        f"points cost less than a mask below {cost.break_even:.0f} per image at these times, and "
        f"{cost.points_for(0.5):.0f} of them 0.50 dollars; 99 % fewer labelled pixels are not "
        "99 % less work"
    )
    verdict = REPRODUCED if saved >= 0.99 else NOT_REPRODUCED
    return Claim(_WORDS, text, measured, verdict, why)
