"""The report beyond classic scenes: transfer, real scenes, the default recipe's parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pointillist.report.document import (
    Block,
    BulletList,
    Figure,
    Paragraph,
    Section,
    Subhead,
    Table,
    literal,
)
from pointillist.studies import figures
from pointillist.studies.classic import find_commonest
from pointillist.studies.evidence import Evidence
from pointillist.studies.figures import to_svg
from pointillist.studies.findings import Findings
from pointillist.studies.naming import ON_SCENES
from pointillist.studies.report_tables import Cells, line_table, p_cell, percent, told
from pointillist.studies.scene_table import (
    AS_IT_IS_NOW,
    TODAY,
    Gain,
    Place,
    by_place,
    default_gains,
    find_gains,
    gains_of_today,
    main_lines,
    on_shared_seeds,
    plain_gain,
)
from pointillist.studies.tables import Line, signed, spread

_MOST_COLUMNS = 6
_FIGURES = "Mean IoU / overall accuracy"


def transfer_section(findings: Findings) -> Section | None:
    """Terrain, Dubai, published data sets; None without records."""
    evidence = findings.evidence
    lines = evidence.table("transfer")
    generated = [line for line in lines if not hasattr(line.row.cell, "scene")]
    moved = [line for line in lines if hasattr(line.row.cell, "scene")]
    real = main_lines(evidence.table("real"))
    published = evidence.benchmarks()
    if not (lines or real or published):
        return None
    blocks: list[Block] = [Paragraph(_transferable(evidence))]
    if generated:
        blocks.append(
            line_table(
                generated,
                "From classic scenes to terrain, and terrain learnt on terrain.",
                "transfer",
                stated=False,
                against="the same recipe trained on terrain",
            )
        )
    if moved:
        blocks += [
            Paragraph(
                "Of four Dubai scenes three give points and the fourth is mapped ([#fourth]). "
                + _ahead(default_gains(moved))
                + _third(moved)
            ),
            *_grids(moved, "From three Dubai scenes to the fourth (P-transfer).", "fourth"),
        ]
    if real:
        blocks += _real_blocks(real)
    if published:
        blocks.append(line_table(published, "Published data sets.", "published", stated=False))
    else:
        blocks.append(
            Paragraph(
                "ISPRS Potsdam and Vaihingen, DeepGlobe, Agriculture-Vision, LoveDA and "
                "OpenEarthMap are read in their publishers' layouts and can be measured by whoever "
                "has them (`pointillist study potsdam --root DIR`); no records of them are "
                "committed."
            )
        )
    return Section("Beyond classic scenes", blocks, "transfer-section")


def summary(evidence: Evidence) -> list[str]:
    """What real scenes say, in a sentence for the abstract; none without records."""
    real = main_lines(evidence.table("real"))
    scenes = len({line.row.cell.scene for line in real})
    said = _ahead(default_gains(real))
    sentences = [f"On {_count(scenes)} real scenes {said[0].lower()}{said[1:]}"] if said else []
    return [*sentences, *filter(None, [_ahead_now(evidence)])]


def _ahead_now(evidence: Evidence) -> str:
    who = "As the program is now, after the steps of ten minutes of two plain cores, it"
    said = _ahead(gains_of_today(evidence.table("laptop")), who)
    return said and f"{said} {_SMOOTHED}"


_SMOOTHED = (
    "Maps as it is now are smoothed, those of the other two are not; smoothing alone is worth "
    "about .01 to either (docs/decisions/0020 of the repository)."
)


def _count(n: int) -> str:
    return dict(enumerate(("no", "one", "two", "three", "four"))).get(n, str(n))


def _transferable(evidence: Evidence) -> str:
    said = "The reference study calls its set-up directly transferable to real data."
    moved = evidence.line("transfer", "200 per image, tested on terrain")
    there = evidence.line("transfer", "200 per image, trained on terrain, tested on terrain")
    if moved is not None and there is not None:
        said += (
            " On generated terrain a network learnt on classic scenes reaches a mean IoU of "
            f"{told(moved.miou)}, one learnt on terrain {told(there.miou)} ([#transfer]): what was "
            "learnt on one kind of scene is worth little on another."
        )
        name, share = find_commonest(replace(moved.row.cell, seed=seed) for seed in moved.runs)
        if moved.accuracy.value < share:
            said += (
                f" Its accuracy of {moved.accuracy.value:.3f} is less than a map of nothing but "
                f"{name.lower()} has, {share:.3f}."
            )
        forest = evidence.line(
            "transfer", "200 per image, forest, trained on terrain, tested on terrain"
        )
        if forest is not None:
            order = "more" if forest.miou.value > there.miou.value else "less"
            said += (
                f" A forest that learnt on terrain reaches {told(forest.miou)}, {order} than the "
                "network in its five epochs."
            )
    return said


def _real_blocks(real: Sequence[Line]) -> Iterator[Block]:
    yield Paragraph(
        "Where the scene that is mapped gives the points, [#real] and [#real-figure] show what "
        "they are worth; networks learn for the steps that ten minutes of two cores with bf16 "
        f"allow. {_ahead(default_gains(real))}{_third(real)}"
    )
    shared = on_shared_seeds(real)
    yield _design_table(shared)
    drawing = figures.draw_real(shared)
    if drawing is not None:
        caption = "P-scene: mean IoU of the whole scene against points, on the draws of [#real]"
        caption += (
            ", with 95 % intervals where there are three."
            if max(line.miou.n for line in shared) > 2
            else "; too few for intervals."
        )
        yield Figure(to_svg(drawing), caption, "real-figure", floating=True)


def _ahead(gains: Sequence[Gain], who: str = "The default recipe") -> str:
    """In how many runs a recipe is ahead, on the same points, and by how much."""
    if not gains:
        return ""
    said = ", and above the ".join(
        f"{gain.other} in {gain.ahead} of {gain.runs} runs on the same points, "
        f"by {spread(gain.difference, 3)} mean IoU{_not_sure(gain)}"
        for gain in gains
    )
    accuracy = " and ".join(
        f"{gain.accuracy_ahead} of {gain.runs} ({spread(gain.accuracy, 3, plus='+')})"
        for gain in gains
    )
    return f"{who} is above the {said}; in overall accuracy in {accuracy}."


def _not_sure(gain: Gain) -> str:
    if gain.p is None or gain.p < 0.05:
        return ""
    many = _count(gain.family)
    return f" (not significant after Holm's correction for {many} comparisons, p = {gain.p:.2f})"


def _third(lines: Sequence[Line]) -> str:
    """The comparison that is corrected for together with those of the default recipe."""
    gain = plain_gain(lines)
    return "" if gain is None else " " + _ahead([gain], "The plain network")


def _design_table(lines: Sequence[Line]) -> Table:
    """Both designs beside each other, by scene and points."""
    found = by_place(lines)
    designs = [d for d in ("simple", "balanced") if any(place[2] == d for place in found)]
    recipes = list(ON_SCENES.values())
    rows: list[Cells] = []
    for scene, points in dict.fromkeys(place[:2] for place in found):
        at = [found.get((scene, points, d), {}).get(r) for d in designs for r in recipes]
        rows.append([scene, points, _draws(at), *map(_both_figures, at)])
    heads = [recipe.removesuffix(" recipe") for recipe in recipes] * len(designs)
    return Table(
        ["scene", "points", "draws", *heads],
        rows,
        "Points on one real scene (P-scene).",
        "lrr" + "c" * len(heads),
        groups=(("", 3), *((f"{design} random points", len(recipes)) for design in designs)),
        notes=f"{_FIGURES} of the whole scene, means over the draws that all recipes have.",
        label="real",
    )


def _draws(lines: Sequence[Line | None]) -> str:
    counts = [line.miou.n for line in lines if line is not None]
    least, most = min(counts), max(counts)
    return str(least) if least == most else f"{least}–{most}"


def _both_figures(line: Line | None) -> str:
    return "–" if line is None else f"{line.miou.value:.3f} / {line.accuracy.value:.3f}"


def _grids(
    lines: Sequence[Line], caption: str, label: str, only: Sequence[str] = (), further: str = ""
) -> list[Block]:
    """Places by recipes and settings; turned where the latter are many, none where both are.

    Args:
        lines: The rows.
        caption: Stands above.
        label: To refer to it.
        only: Show only places that have one of these recipes or settings; none shows all.
        further: A sentence more for the notes.
    """
    found = dict(sorted(by_place(on_shared_seeds(lines)).items(), key=_place_order))
    if only:
        found = {place: at for place, at in found.items() if any(name in at for name in only)}
    variants = list(dict.fromkeys(name for at in found.values() for name in at))
    first = [name for name in ON_SCENES.values() if name in variants]
    variants = [*first, *(name for name in variants if name not in first)]
    notes = f"{_FIGURES}, means over the draws that all entries of a place have."
    if len(variants) <= _MOST_COLUMNS:
        rows: list[Cells] = [
            [*place, _draws(list(at.values())), *(_both_figures(at.get(v)) for v in variants)]
            for place, at in found.items()
        ]
        columns = ["scene", "points", "design", "draws", *map(literal, variants)]
        alignments = "lrlr" + "c" * len(variants)
    elif len(found) <= _MOST_COLUMNS:
        rows = [
            [literal(v), *(_both_figures(at.get(v)) for at in found.values())] for v in variants
        ]
        columns = ["", *(", ".join(filter(None, place)) for place in found)]
        alignments = "l" + "c" * len(found)
        notes += f" Draws: {_draws([line for at in found.values() for line in at.values()])}."
    else:
        return []
    notes = f"{notes} {further}".rstrip()
    return [Table(columns, rows, caption, alignments, notes=notes, label=label)]


def _place_order(item: tuple[Place, object]) -> tuple[str, bool, float]:
    scene, points, design = item[0]
    return scene, design == "balanced", float(points) if points.isdigit() else float("inf")


def _gain_table(gains: Mapping[str, Sequence[Gain]]) -> Table:
    """What each recipe or setting gains on another, study by study."""
    rows: list[Cells | Subhead] = []
    for study, found in gains.items():
        rows.append(Subhead(study))
        rows += [
            [
                literal(gain.name), literal(gain.other), gain.difference.n,
                f"{gain.ahead} of {gain.runs}", spread(gain.difference, 3, plus="+"),
                "" if gain.p is None else p_cell(gain.p),
            ]
            for gain in found
        ]  # fmt: skip
    return Table(
        ["run", "against", "scenes", "ahead", "difference", "p"],
        rows,
        "What a recipe or setting gains or costs in mean IoU on the same points.",
        "llrrrr",
        notes="Ahead: in how many runs. Recipes on damaged points stand against themselves on the "
        "same points undamaged, settings against the default recipe on the same points. Each "
        "scene's runs are averaged first; ± and p are over scenes, p after Holm's correction for "
        "the comparisons of recipes, or else of settings, under one heading.",
        label="gains",
    )


_STUDIES = {
    "ablation": "Ten minutes on two cores with bf16 or on a GPU (P-scene)",
    "ablation-reduced": "Two minutes of a CPU without bf16 (P-scene)",
    "ensemble": "Four networks that share 3392 steps, against one of up to 7972 (P-scene)",
    "laptop": "Ten minutes of two cores without bf16, as the program is now (P-scene)",
    "disturbed": "Points that are wrong, or off by up to two pixels; two minutes (P-scene)",
    "blocks": "Labels of the even squares of a checkerboard, the odd ones scored (P-blocks)",
}


_SHOWN_OF = {"ensemble": ("networks",), "laptop": TODAY}
"""What a place must have to be shown, of studies that share most of their rows with others."""


_SETTINGS = {
    "smoothed": "maps are smoothed within two pixels, not over the edges of the image; what the "
    "program does now",
    "networks": "four networks share the steps and map together [@lakshminarayanan2017]; what the "
    "program does now where time allows",
    "networks, smoothed": "both",
    "network alone": "without the forest",
    "random start": "without the weights of generated scenes",
    "wide encoder": "a slim network twice as wide, which has to start at random",
    "large encoder": "a ResNet-34 from a random start, fewer steps in the same time",
    "natural draw": "chips come as the points do, not every class as often",
    "random start, natural draw": "both",
    "rate 1e-3": "a peak rate of 0.001 in place of 0.004",
    "last weights": "no average of the weights",
    "best weights": "those with the best score at held-out points, no average",
    "points grown": "points grow over connected pixels of their colour, up to six pixels",
    "gated crf": "a second loss wants neighbours of one colour to agree",
    "refit": "the last 30 % of the training learn from the held-out points too",
    "no calibration": "no temperature from held-out points",
    "small chips": "chips of 64 pixels in place of 128",
    "label noise": "a loss that expects one point in ten to be wrong",
    "point radius": "a loss that expects points within two pixels of where they lie",
}
"""What each setting changes, where it is not `default`."""


def _named_settings(shown: Mapping[str, Sequence[Line]]) -> list[str]:
    """Those of the tables, in the order of `_SETTINGS`."""
    used = {
        "network alone" if cell.recipe == "unet" and cell.setting == "default" else cell.setting
        for lines in shown.values()
        for cell in (line.row.cell for line in lines)
    }
    return [name for name in _SETTINGS if name in used]


def _told_gains(gains: Sequence[Gain]) -> str:
    """Which settings are better and which are worse, and by how much."""
    found = [g for g in gains if g.other == ON_SCENES["stack"] and g.name in _SETTINGS]
    sure = [g for g in found if g.p is not None and g.p < 0.05]
    if not found:
        return ""
    best, worst = (pick(found, key=lambda g: g.difference.value) for pick in (max, min))
    listed = ", ".join(f"{g.name} ({signed(g.difference.value, 3)})" for g in sure)
    return (
        f"In two minutes {best.name} gains most ({signed(best.difference.value, 3)} mean IoU, "
        f"ahead in {best.ahead} of {best.runs} runs) and {worst.name} costs most "
        f"({signed(worst.difference.value, 3)}); significant over the scenes: "
        f"{listed or 'none, they are few'} ([#gains])."
    )


def recipe_section(findings: Findings) -> Section | None:
    """What the default recipe and its parts are worth on real scenes; None without records."""
    found = {name: findings.evidence.table(name) for name in _STUDIES}
    # forests and plain networks belong to other studies too: alone they say nothing of the recipe
    shown = {name: lines for name, lines in found.items() if any(map(_has_setting, lines))}
    for name in ("ablation", "ensemble", "laptop"):
        settings = {getattr(line.row.cell, "setting", None) for line in found[name]}
        if settings <= {None, "default"}:
            shown.pop(name, None)  # what is recorded of it is shown by scene already
    if not any(map(_is_disturbed, shown.get("disturbed", []))):
        shown.pop("disturbed", None)  # its undisturbed rows are those of another study
    if not shown:
        return None
    gains = {
        _STUDIES[name]: find_gains(lines, _SHOWN_OF.get(name, ())) for name, lines in shown.items()
    }
    blocks: list[Block] = [
        Paragraph(
            "Forest, plain network and default recipe ([#method]) stand beside the recipe with one "
            "thing otherwise. " + _told_gains(gains.get(_STUDIES["ablation-reduced"], []))
        ),
        Paragraph("The settings, by their names in the tables:"),
        BulletList([f"*{name}*: {_SETTINGS[name]}" for name in _named_settings(shown)]),
    ]
    for name, lines in shown.items():
        if name == "blocks":
            blocks += _blocks_table(lines)
        else:
            notes = _SMOOTHED if name == "laptop" else ""
            blocks += _grids(lines, f"{_STUDIES[name]}.", name, _SHOWN_OF.get(name, ()), notes)
    if any(gains.values()):
        blocks.append(_gain_table({study: found for study, found in gains.items() if found}))
    return Section("The default recipe on real scenes", blocks)


def _blocks_table(lines: Sequence[Line]) -> list[Block]:
    """Points beside every label of the even squares, and the share of it that they reach."""
    found = dict(sorted(by_place(on_shared_seeds(lines)).items(), key=_place_order))
    full = {scene: at for (scene, points, _), at in found.items() if points == "all pixels"}
    ceilings = {"plain network": "plain network", "default": "network alone"}
    shown = {name for at in found.values() for name in at}
    columns = {head: names for head, names in _BLOCKS_COLUMNS.items() if shown & set(names)}
    rows: list[Cells] = []
    for (scene, points, _), at in found.items():
        row: Cells = [scene, points, _draws(list(at.values()))]
        for head, names in columns.items():
            line = next((at[name] for name in names if name in at), None)
            ceiling = full.get(scene, {}).get(ceilings.get(head, "network alone"))
            share = "–"
            if line is not None and ceiling is not None:
                share = percent(line.miou.value / ceiling.miou.value)
            row += [_both_figures(line), "" if points == "all pixels" else share]
        rows.append(row)
    heads = [head for name in columns for head in (name, "share")]
    return [
        Table(
            ["scene", "points", "draws", *heads],
            rows,
            f"{_STUDIES['blocks']}.",
            "lrr" + "cr" * len(columns),
            notes=f"{_FIGURES}. Share: of the mean IoU that every label of the even squares led "
            "to, in up to three times as many steps, with the same network: the plain one, or the "
            "default's alone; –: that was not run. Maps as the program is now are smoothed, those "
            "of all labels are not.",
            label="blocks",
        )
    ]


_BLOCKS_COLUMNS = {
    "plain network": ("plain network",),
    "default": ("default recipe", "network alone"),
    AS_IT_IS_NOW: TODAY,
}


def _has_setting(line: Line) -> bool:
    return getattr(line.row.cell, "setting", None) is not None


def _is_disturbed(line: Line) -> bool:
    cell = line.row.cell
    return bool(getattr(cell, "wrong_share", None) or getattr(cell, "off_px", None))
