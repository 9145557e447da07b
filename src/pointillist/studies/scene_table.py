"""Runs on real scenes side by side: recipes and settings at each place, and what one gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pointillist.studies.naming import ON_SCENES, is_main, name_variant
from pointillist.studies.statistics import (
    Mean,
    compare_pairs,
    correct_for_many,
    mean_over_seeds,
)
from pointillist.studies.tables import Line, summarise_row

Place = tuple[str, str, str]
"""Scene, points and design, as they are shown."""

TODAY = ("networks, smoothed", "smoothed")
"""Settings that mean what the program does now, with fewer points or time and with more."""
AS_IT_IS_NOW = "as the program is now"

_FOREST, _PLAIN, _DEFAULT = (ON_SCENES[recipe] for recipe in ("forest", "unet", "stack"))


def find_place(line: Line) -> Place:
    """Where a run learns."""
    cell = line.row.cell
    if getattr(cell, "supervision", None) == "full":
        return cell.scene, "all pixels", ""
    return cell.scene, str(cell.n_points), cell.design


def main_lines(lines: Sequence[Line]) -> list[Line]:
    """Those that are compared: without the forests of a P-scene study left uncorrected."""
    return [line for line in lines if is_main(line.row.cell)]


def on_shared_seeds(lines: Sequence[Line]) -> list[Line]:
    """The lines over the draws that all lines of their place have, so that they can be compared.

    Where a place has no such draw, its lines stay as they are.
    """
    seeds: dict[Place, set[int]] = {}
    for line in lines:
        place = find_place(line)
        seeds[place] = seeds.get(place, set(line.runs)) & set(line.runs)
    shared = []
    for line in lines:
        common = seeds[find_place(line)] or set(line.runs)
        runs = {seed: run for seed, run in line.runs.items() if seed in common}
        shared.append(summarise_row(line.row, runs))
    return shared


def by_place(lines: Sequence[Line]) -> dict[Place, dict[str, Line]]:
    """The lines of each place, by recipe or setting."""
    found: dict[Place, dict[str, Line]] = {}
    for line in lines:
        found.setdefault(find_place(line), {})[name_variant(line.row.cell)] = line
    return found


@dataclass(frozen=True)
class Gain:
    """How much higher one recipe or setting scores than another on the same points.

    Args:
        name: The one.
        other: The other.
        runs: Runs that both have.
        ahead: In how many of them it is ahead.
        difference: Mean difference of mean IoU, the scenes being the units: the differences of a
            scene's runs are averaged first.
        accuracy: The same difference of overall accuracy.
        accuracy_ahead: In how many runs it is ahead in overall accuracy.
        p: Of the paired t test of mean IoU over scenes, corrected for `family` comparisons (Holm);
            None with one scene.
        family: Comparisons that p is corrected for: those of recipes, or those of settings.
    """

    name: str
    other: str
    runs: int
    ahead: int
    difference: Mean
    accuracy: Mean
    accuracy_ahead: int
    p: float | None = None
    family: int = 1


def find_gains(lines: Sequence[Line], only: Sequence[str] = ()) -> list[Gain]:
    """What each row gains on the one it is compared with, and on the plain network or the forest.

    The default recipe is compared with the forest: with the plain network it is here. What is
    compared with the plain network is so with the forest too.

    Args:
        lines: The rows.
        only: Leave out what others than these recipes or settings gain; none leaves out nothing.
    """
    named = {line.row.name: line for line in lines}
    pairs = [(line, named[line.row.against]) for line in lines if line.row.against in named]
    against_plain = {name_variant(a.row.cell) for a, b in pairs if b.row.cell.recipe == "unet"}
    for found in by_place(lines).values():
        if _DEFAULT in found and _PLAIN in found:
            pairs.append((found[_DEFAULT], found[_PLAIN]))
        if _FOREST in found:
            pairs += [(found[name], found[_FOREST]) for name in found if name in against_plain]
    told: dict[tuple[str, str], dict[str, list[_Difference]]] = {}
    for line, other in pairs:
        names = name_variant(line.row.cell), name_variant(other.row.cell)
        _add_differences(told.setdefault(names, {}), line, other)
    gains = [
        _gain(*names, scenes)
        for names, scenes in told.items()
        if scenes and (not only or names[0] in only)
    ]
    recipes = [gain for gain in gains if {gain.name, gain.other} <= set(ON_SCENES.values())]
    settings = [gain for gain in gains if gain not in recipes]
    return [*_correct(recipes), *_correct(settings)]


_Difference = tuple[float, ...]
"""Of mean IoU, and of overall accuracy."""


def _add_differences(scenes: dict[str, list[_Difference]], line: Line, other: Line) -> None:
    """Those of the seeds that both have, under the scene."""
    for seed in line.runs.keys() & other.runs.keys():
        one, two = line.runs[seed], other.runs[seed]
        difference = tuple(one[k] - two[k] for k in ("miou", "overall_accuracy"))
        scenes.setdefault(line.row.cell.scene, []).append(difference)


def _gain(name: str, other: str, scenes: dict[str, list[_Difference]]) -> Gain:
    every = np.array([difference for found in scenes.values() for difference in found])
    means = np.array([np.mean(found, axis=0) for found in scenes.values()])
    p = compare_pairs(means[:, 0].tolist(), [0.0] * len(means)).p if len(means) > 1 else None
    ahead = (every > 0).sum(axis=0)
    miou, accuracy = (mean_over_seeds(column.tolist()) for column in means.T)
    return Gain(name, other, len(every), int(ahead[0]), miou, accuracy, int(ahead[1]), p)


def default_gains(lines: Sequence[Line]) -> list[Gain]:
    """What the default recipe gains on the forest and on the plain network, where both are."""
    found = {(gain.name, gain.other): gain for gain in find_gains(lines)}
    return [found[_DEFAULT, other] for other in (_FOREST, _PLAIN) if (_DEFAULT, other) in found]


def plain_gain(lines: Sequence[Line]) -> Gain | None:
    """What the plain network gains on the forest, corrected as in `default_gains`."""
    return next((g for g in find_gains(lines) if (g.name, g.other) == (_PLAIN, _FOREST)), None)


def gains_of_today(lines: Sequence[Line]) -> list[Gain]:
    """The same of the recipe as the program is now: several networks or one, maps smoothed."""
    told: dict[str, dict[str, list[_Difference]]] = {_FOREST: {}, _PLAIN: {}}
    for found in by_place(lines).values():
        for name in found.keys() & set(TODAY):
            for other in found.keys() & told.keys():
                _add_differences(told[other], found[name], found[other])
    return _correct(
        [_gain(AS_IT_IS_NOW, other, scenes) for other, scenes in told.items() if scenes]
    )


def _correct(gains: Sequence[Gain]) -> list[Gain]:
    """With p for as many comparisons (Holm)."""
    raw = [gain.p for gain in gains if gain.p is not None]
    p = iter(correct_for_many(raw))
    return [gain if gain.p is None else replace(gain, p=next(p), family=len(raw)) for gain in gains]
