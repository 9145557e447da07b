"""The claims ledger: every number and sentence of the reference study beside what was measured.

A number is *reproduced* where this project's 95 % interval holds it, *exceeded* where the interval
lies above it, *not reproduced* where it lies below. Numbers that stand for a drawback (a baseline
said to be bad) and sentences are judged by rules of their own, stated with each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pointillist.studies import reference
from pointillist.studies.cost import CostModel
from pointillist.studies.evidence import Evidence
from pointillist.studies.naming import name_variant
from pointillist.studies.scene_table import main_lines, on_shared_seeds
from pointillist.studies.statistics import Mean, mean_over_seeds
from pointillist.studies.tables import Line

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
_LEAST_SEEDS = 5


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
        _sentences(evidence, cost or CostModel()),
        _inconsistencies(evidence),
        _set_up(evidence),
        _targets(evidence),
    )
    return [claim for part in parts for claim in part]


def _set_up(evidence: Evidence) -> list[Claim]:
    """What the study says of its set-up, beside that of P-classic."""
    own = evidence.values("baselines", "200 per image, recipe of the reference, one view")
    told = f"mean IoU {mean_over_seeds(own)} from random initialisation" if own else ""
    lines = (
        ("5 classes, 128×128 px, 200 training and 50 test images", SAME, "", ""),
        ("the classic scenes: shapes, colours, noise of 0.08, ImageNet normalisation", SAME, "",
         "re-implemented from its description; the image seeds are this project's"),
        ("Adam, rate 1e-3, weight decay 1e-4, cosine, batch 8, 5 epochs, horizontal flips",
         DIFFERENT, told, "a row of the baselines; this project's recipe differs, within 5 epochs"),
        ("best validation mean IoU kept, of 50 images with full masks", DIFFERENT, "",
         "the last weights: full masks are what points are to replace"),
        ("test against full masks, mean IoU over all pixels together", SAME, "", ""),
        ("one random seed", DIFFERENT, "", "several, with intervals and paired tests"),
        ("ImageNet weights", DIFFERENT, "", "random initialisation; `--weights FILE` adds rows"),
    )  # fmt: skip
    return [Claim(SET_UP, text, measured, verdict, why) for text, verdict, measured, why in lines]


def _targets(evidence: Evidence) -> list[Claim]:
    """What this project set out to reach on P-classic from random initialisation."""
    claims = []
    for text, study, rows in (
        ("every row of the density table at least as stated, mean IoU", "density",
         {f"{n} per class": miou for n, (miou, _) in reference.DENSITY.items()}),
        ("every row of the sampling table at least as stated, mean IoU", "sampling",
         {f"{n} per class" + ("" if kind == "random" else f", {kind}"): miou
          for (kind, n), miou in reference.SAMPLING.items()}),
    ):  # fmt: skip
        found = {row: evidence.values(study, row) for row in rows}
        reached = [row for row, v in found.items() if v and float(np.mean(v)) >= rows[row]]
        known = all(found.values())
        verdict = (MET if len(reached) == len(rows) else MISSED) if known else NOT_MEASURED
        claims.append(Claim(TARGETS, text, f"{len(reached)} of {len(rows)} rows", verdict))
    classes = evidence.by_class("density", "200 per image", "iou")
    if classes is not None:
        least = {
            n: float(c) for n, c in zip(reference.PER_CLASS, classes.mean(axis=0), strict=True)
        }
        reached = [name for name, c in least.items() if c >= reference.PER_CLASS[name][0]]
        told = f"{len(reached)} of {len(least)} classes"
        verdict = MET if len(reached) == len(least) else MISSED
        claims.append(Claim(TARGETS, "every class's IoU at 200 per image as stated", told, verdict))
    pairs = evidence.pairs("baselines", "200 per image", "full masks")
    if pairs:
        ratio = mean_over_seeds([ours / full for ours, full in pairs])
        verdict = MET if ratio.value >= 0.98 else MISSED
        text = "200 points per image reach 98 % of this project's own full masks"
        claims.append(Claim(TARGETS, text, f"ratio {ratio}", verdict))
    far = {
        row: values
        for row in ("200 per image", "200 per image, pretrained network and forest")
        if (values := evidence.values("baselines", row))
    }
    if far:
        means = {row: mean_over_seeds(values) for row, values in far.items()}
        told = "; ".join(f"{row.removeprefix('200 per image, ')}: {m}" for row, m in means.items())
        verdict = MET if max(m.value for m in means.values()) >= 0.97 else MISSED
        text = "mean IoU of 0.97 at 200 points per image, the recipe free"
        claims.append(Claim(TARGETS, text, told, verdict))
    return claims


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
    found = {
        name: evidence.values("baselines", name)
        for name in ("200 per image, recipe of the reference, one view", plain)
    }
    told = [(name, mean_over_seeds(values)) for name, values in found.items() if values]
    if not told:
        return Claim(group, text, "", NOT_MEASURED, "no records")
    measured = "; ".join(f"{name}: {mean}" for name, mean in told)
    worst = min(mean.value if mean.n < 2 else mean.low for _, mean in told)
    if worst > stated:
        why = "the same set-up without ImageNet weights does far better than that"
        return Claim(group, text, measured, NOT_REPRODUCED, why)
    return Claim(group, text, measured, REPRODUCED, "no better here")


def _sentences(evidence: Evidence, cost: CostModel) -> list[Claim]:
    rules: tuple[Callable[[Evidence], Claim], ...] = (
        _share_of_pixels,
        _share_of_quality,
        _biggest_gain,
        _stratified_helps,
        _pretraining,
        _transfer,
    )
    return [*(rule(evidence) for rule in rules), _labelling_cost(evidence, cost)]


_WORDS = "Claims in words"


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
    """Held by a row with at least 99 % fewer labels, seed by seed; 200 points are 98.8 % fewer."""
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
    mean = mean_over_seeds(ratios[50])
    why = "its own 200 of 16,384 pixels are 98.8 % fewer; judged by 50 points"
    verdict = EXCEEDED if mean.low > 0.98 else REPRODUCED if mean.high > 0.98 else NOT_REPRODUCED
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
    measured = "; ".join(f"{a} → {b}: {_signed(gain)}" for (a, b), gain in gains.items())
    most = max(gains, key=lambda step: gains[step].value)
    marginal = gains[500, 1000].value < 0.005
    why = f"beyond 500: {'under' if marginal else 'over'} 0.005"
    if most != (50, 200):
        why += f"; but the step from {most[0]} to {most[1]} gains most"
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
            told.append(f"{strategy} {n}: {_signed(line.comparison.difference)}")
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


_PLAIN = ", plain training, one view"


def _pretraining(evidence: Evidence) -> Claim:
    """Held to be essential where random initialisation stays below what ImageNet weights gave."""
    text = "(e) ImageNet pretraining is essential"
    names = [f"{n} per class" for n in reference.DENSITY]
    found = {n: evidence.values("density", name) for n, name in zip(reference.DENSITY, names)}  # noqa: B905
    if not all(found.values()):
        return Claim(_WORDS, text, "", NOT_MEASURED, "no records of every row of the density table")
    above = [n for n, v in found.items() if v and np.mean(v) >= reference.DENSITY[n][0]]
    measured = (
        f"random initialisation reaches the stated figure in {len(above)} of "
        f"{len(found)} rows of the density table with this project's recipe"
    )
    plain = {n: evidence.values("baselines", f"{n} per class{_PLAIN}") for n in reference.DENSITY}
    if all(plain.values()):
        few = [n for n, v in plain.items() if v and np.mean(v) >= reference.DENSITY[n][0]]
        measured += f", in {len(few)} with plain training"
    pretrained = [
        line for line in evidence.table("baselines") if getattr(line.row.cell, "weights", None)
    ]
    if pretrained:
        measured += "; " + "; ".join(f"{line.row.name}: {line.miou}" for line in pretrained)
    verdict = NOT_REPRODUCED if len(above) == len(found) else REPRODUCED
    why = "classic scenes are learnt from scratch in five epochs"
    if verdict == REPRODUCED:
        why = "some of its figures are not reached from a random start"
    if not pretrained:
        why += (
            "; runs with ImageNet weights themselves are not recorded (`--weights FILE` adds them)"
        )
    return Claim(_WORDS, text, measured, verdict, why)


def _transfer(evidence: Evidence) -> Claim:
    """The same set-up on harder scenes, next to its figure on its own."""
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
    moved = [*terrain.values(), *on_shared_seeds(fourth)]  # data sets train on points of their own
    if not moved:
        why = "no records of maps of other scenes than those learnt from"
        return Claim(_WORDS, text, "; ".join(told + published), NOT_MEASURED, why)
    best = max(line.miou.value for line in moved)
    verdict = REPRODUCED if best >= reference.FINAL[0] else NOT_REPRODUCED
    why = (
        f"the best that was learnt elsewhere is a mean IoU of {best:.3f}, on classic scenes "
        f"{reference.FINAL[0]:.3f} is stated"
    )
    if not published:
        why += (
            "; the four data sets named are not recorded (`pointillist study potsdam --root DIR`)"
        )
    return Claim(_WORDS, text, "; ".join(told + published), verdict, why)


def _by_recipe(what: str, lines: Sequence[Line]) -> list[str]:
    """The lowest and highest scene of each recipe, on the draws of the report's tables."""
    found: dict[str, list[float]] = {}
    for line in on_shared_seeds(lines):
        found.setdefault(name_variant(line.row.cell), []).append(line.miou.value)
    told = [
        f"{name} {min(values):.3f} to {max(values):.3f} ({len(values)} scenes)"
        for name, values in found.items()
    ]
    return [f"{what}: {', '.join(told)}"] if told else []


def _labelling_cost(evidence: Evidence, cost: CostModel) -> Claim:
    """The cost model with its parameters."""
    text = "(g) $0.50 per image of labelling cost, 99 % saved"
    seconds = cost.points_seconds(200)
    saved = cost.saved(200)
    words = "saved" if saved > 0 else "more"
    measured = (
        f"200 points at {cost.seconds_per_point:g} s are {seconds / 60:.0f} min, a full mask at "
        f"{cost.minutes_per_mask:.1f} min: {100 * abs(saved):.0f} % {words}; "
        f"{cost.money(seconds):.2f} per image at {cost.hourly_wage:g} an hour"
    )
    why = (
        f"points cost less than a mask up to {cost.break_even:.0f} per image at these times; "
        "99 % fewer labelled pixels are not 99 % less work"
    )
    verdict = REPRODUCED if saved >= 0.99 else NOT_REPRODUCED
    return Claim(_WORDS, text, measured, verdict, why)


def _inconsistencies(evidence: Evidence) -> list[Claim]:
    group = DOUBTS
    line = evidence.line("density", "10 per class")
    fifty = evidence.pairs_across(("baselines", "full masks"), ("density", "50 per class"))
    forest = evidence.values("baselines", "50 per class, forest on pixel values")
    features = evidence.values("baselines", "50 per class, forest")
    return [
        Claim(
            group,
            "the density table counts points (1 … 50), elsewhere 200 points per image",
            "" if line is None else f"per class: 10 per class (≤ 50 per image) gives {line.miou}",
            NOT_MEASURED if line is None else CONFIRMED,
            "as it writes itself: both counts stand in it; 200 points are 1.22 %, not under 1 %",
        ),
        _full_below_points(group, fifty),
        _own_sampler(group, evidence),
        _one_seed(group, evidence),
        _from_scratch(group, evidence),
        Claim(
            group,
            "a random forest on the three RGB values reaches 0.85 at 50 per class",
            ""
            if not forest
            else f"{mean_over_seeds(forest)}"
            + (f"; on multi-scale features {mean_over_seeds(features)}" if features else ""),
            NOT_MEASURED if not forest else _near(float(np.mean(forest)), 0.85),
            _why_forests(evidence, features),
        ),
    ]


def _why_forests(evidence: Evidence, features: list[float] | None) -> str:
    networks = [
        line.miou.value
        for line in (*evidence.table("density"), *evidence.table("baselines"))
        if getattr(line.row.cell, "recipe", None) is None
    ]
    if not features or not networks:
        return "pixel values alone tell most classes apart"
    if float(np.mean(features)) > max(networks):
        return "classic scenes are easy: a forest on features beats every network recorded here"
    return "classic scenes are easy: a forest on features comes close to the networks"


def _full_below_points(group: str, pairs: list[tuple[float, float]]) -> Claim:
    text = "the fully supervised baseline (.9450) is below the row of 50 points (.9540)"
    if len(pairs) < 2:
        return Claim(group, text, "", NOT_MEASURED, "no records of both on two seeds")
    mean = mean_over_seeds([full - fifty for full, fifty in pairs])
    verdict = CONFIRMED if mean.high < 0 else NOT_CONFIRMED
    why = (
        "full masks are better here: its baseline was trained worse than its points"
        if verdict == NOT_CONFIRMED
        else "points are better here as well: both are trained too briefly to tell"
    )
    return Claim(group, text, f"full minus 50 per class: {mean}", verdict, why)


def _own_sampler(group: str, evidence: Evidence) -> Claim:
    """Confirmed where no number of points tells its sampler from random points, after Holm."""
    text = "its stratified sampler is random sampling again"
    lines = [evidence.line("sampling", f"{n} per class, {_OWN}") for n in (1, 2, 5, 10, 20)]
    found = [line for line in lines if line is not None and line.comparison and line.p is not None]
    if not found:
        return Claim(group, text, "", NOT_MEASURED, "no records of two seeds")
    told = "; ".join(
        f"{line.row.cell.n_per_class} per class: {_signed(line.comparison.difference)}"
        for line in found
        if line.comparison
    )
    apart = [line for line in found if line.p is not None and line.p < 0.05]
    why = "evenly spaced places of a shuffled list are a random sample"
    if apart:
        why = f"significantly apart from random points in {len(apart)} of {len(found)} rows"
    return Claim(group, text, told, NOT_CONFIRMED if apart else CONFIRMED, why)


_OWN = "pseudo-stratified"


def _one_seed(group: str, evidence: Evidence) -> Claim:
    text = "one seed: differences of 0.01 may be noise"
    spreads = [
        float(np.std(line.values("miou"), ddof=1))
        for name in ("density", "sampling")
        for line in evidence.table(name)
        if line.miou.n > 1
    ]
    if not spreads:
        return Claim(group, text, "", NOT_MEASURED, "no records of two seeds")
    low, high = min(spreads), max(spreads)
    measured = f"standard deviation over seeds: {low:.4f} to {high:.4f} between rows"
    worst = 1.96 * np.sqrt(2) * high
    verdict = CONFIRMED if worst > 0.01 else NOT_CONFIRMED
    why = f"two single runs of the least steady row differ by up to {worst:.3f} by chance (95 %)"
    return Claim(group, text, measured, verdict, why)


def _from_scratch(group: str, evidence: Evidence) -> Claim:
    """Near enough in every row: confirmed. The one seed that is stated has no interval."""
    text = "a plain recipe from random initialisation gives 0.85/0.90/0.92/0.94/0.94 at 1 … 50"
    means = [evidence.values("baselines", f"{n} per class{_PLAIN}") for n in reference.DENSITY]
    if not all(means):
        return Claim(group, text, "", NOT_MEASURED, "no records of every row")
    found = [mean_over_seeds(values or []) for values in means]
    told = " / ".join(_with_half(mean, 3) for mean in found)
    stated = (0.85, 0.90, 0.92, 0.94, 0.94)
    near = all(abs(f.value - s) < 0.02 for f, s in zip(found, stated, strict=True))
    why = "plain training, with four images a step and AdamW; that was one seed, of eight and Adam"
    return Claim(group, text, told, CONFIRMED if near else NOT_CONFIRMED, why)


def _with_half(mean: Mean, digits: int = 4) -> str:
    """A mean ± half its interval."""
    return f"{mean.value:.{digits}f}" + ("" if mean.n < 2 else f" ± {mean.half:.{digits}f}")


def _signed(difference: Mean) -> str:
    sign = "−" if difference.value < 0 else "+"
    return sign + _with_half(difference).removeprefix("-")


def _near(value: float, stated: float) -> str:
    return CONFIRMED if abs(value - stated) < 0.015 else NOT_CONFIRMED


def count_verdicts(claims: Sequence[Claim]) -> str:
    """How many of the study's own claims got each verdict, and of the doubts about it, in words."""
    apart = (DOUBTS, SET_UP, TARGETS)
    own = [claim.verdict for claim in claims if claim.group not in apart]
    doubts = [claim.verdict for claim in claims if claim.group == DOUBTS]
    told = f"Of {len(own)} claims {_listed(own)}."
    if doubts:
        told += f" Of {len(doubts)} inconsistencies found in it {_listed(doubts)}."
    return told


def _listed(verdicts: Sequence[str]) -> str:
    parts = [f"{n} {'is' if n == 1 else 'are'} {v}" for v in VERDICTS if (n := verdicts.count(v))]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


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
        "sentence does not hold. *Confirmed*: what was said of the study, not by it, is so.",
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
