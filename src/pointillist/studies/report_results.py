"""The report's sections that show results: tables, figures, and sentences made of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pointillist.report.document import (
    Block,
    Cell,
    Figure,
    FigureGrid,
    Paragraph,
    Section,
    Subhead,
    Table,
    literal,
)
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.studies import claims as ledger
from pointillist.studies import figures, reference
from pointillist.studies.coverage import ENOUGH, areas_with_enough, name_design
from pointillist.studies.examples import read_examples
from pointillist.studies.figures import to_svg
from pointillist.studies.findings import Findings
from pointillist.studies.naming import ON_SCENES, is_main
from pointillist.studies.panels import draw_panels, share_wrong
from pointillist.studies.statistics import mean_over_seeds
from pointillist.studies.tables import Line, format_p

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_LONG_NAME = 30
TONES: dict[str, Any] = {
    ledger.EXCEEDED: "good",
    ledger.REPRODUCED: "good",
    ledger.NOT_REPRODUCED: "bad",
    ledger.NOT_MEASURED: "quiet",
}


def _interval(line: Line, figure: str = "miou") -> str:
    mean = line.miou if figure == "miou" else line.accuracy
    if mean.n < 2:
        return f"{mean.value:.4f} (1 seed)"
    return f"{mean.value:.4f} [{mean.low:.4f}, {mean.high:.4f}]"


def _table(lines: Sequence[Line], caption: str, label: str, *, stated: bool = True) -> Table:
    """Rows with means, intervals and, where there are any, comparisons."""
    compares = any(line.comparison for line in lines)
    columns = ["run", "seeds", "mean IoU [95 %]", "accuracy [95 %]"]
    columns += ["reference"] if stated else []
    columns += ["difference", "d", "p"] if compares else []
    rows = []
    for line in lines:
        row: list[str | int | float | Cell] = [
            literal(line.row.name), line.miou.n, _interval(line), _interval(line, "accuracy")
        ]  # fmt: skip
        if stated:
            row.append("" if line.stated is None else f"{line.stated:.4f}")
        if compares and line.comparison is not None and line.p is not None:
            tone: Any = "quiet" if line.p >= 0.05 else "plain"
            row += [
                f"{line.comparison.difference.value:+.4f}",
                f"{line.comparison.effect:+.1f}",
                Cell(format_p(line.p), tone),
            ]
        elif compares:
            row += ["", "", ""]
        rows.append(row)
    notes = "Intervals: Student's t over seeds."
    if stated:
        notes += " Reference: the figure that the reference study states, one seed, ImageNet."
    if compares:
        notes += (
            " Difference to the row it is compared with on the same seeds; d: its effect size in "
            "standard deviations of the differences; p: paired t test after Holm's correction."
        )
    return Table(
        columns,
        rows,
        caption,
        "l" + "r" * (len(columns) - 1),
        widths=(1, *[0] * (len(columns) - 1)) if _is_long(lines) else (),
        notes=notes,
        label=label,
    )


def _is_long(lines: Sequence[Line]) -> bool:
    """Whether names are so long that they, not the numbers, should wrap."""
    return max(len(line.row.name) for line in lines) > _LONG_NAME


def _drawn(drawing: Drawing | None, caption: str, label: str) -> list[Block]:
    return [] if drawing is None else [Figure(to_svg(drawing), caption, label)]


def density_section(findings: Findings) -> Section | None:
    """Experiment 1: table, figure, learning curve; None without records."""
    lines = findings.evidence.table("density")
    if not lines:
        return None
    beaten = [line for line in lines if line.stated is not None]
    above = [line for line in beaten if line.miou.value >= (line.stated or 0)]
    blocks: list[Block] = [
        Paragraph(
            f"[#density] gives the score at every number of points, [#density-figure] draws it. "
            f"{len(above)} of the {len(beaten)} rows for which the reference study states a figure "
            "reach it, without its ImageNet weights. Its table counts points *per class*: 50 per "
            "class are up to 250 per image."
        ),
        _table(lines, "Point density, P-classic.", "density"),
        *_drawn(
            figures.draw_density(findings.evidence, findings.curve),
            "Mean IoU against points per image. Bars are 95 % intervals over seeds.",
            "density-figure",
        ),
    ]
    if findings.curve is not None:
        blocks += _curve_blocks(findings)
    return Section("Experiment 1: how many points", blocks, "experiment-1")


def _curve_blocks(findings: Findings) -> list[Block]:
    assert findings.curve is not None
    curve = findings.curve
    rows = [
        [
            f"{budget.share:.0%}",
            f"{budget.score:.4f}",
            _points(budget.points),
            f"[{_points(budget.low)}, {_points(budget.high)}]",
            "yes" if budget.inside else "no",
        ]
        for budget in findings.budgets
    ]
    return [
        Paragraph(
            "A saturating power law [@hestness2017] is fitted to the scores of all seeds, "
            f"$s(n) = {curve.ceiling:.4f} - {curve.gap:.3f}\\, n^{{-{curve.rate:.2f}}}$, and "
            "solved for the points at which a share of the fully supervised score is reached "
            "([#budgets])."
        ),
        Table(
            ["share of full quality", "mean IoU", "points per image", "95 %", "measured range"],
            rows,
            "Points per image for a share of the quality of full masks.",
            "lrrrc",
            notes="Intervals: 2000 bootstrap samples of seeds, for points and full masks alike. "
            "Outside the measured range the figure is an extrapolation.",
            label="budgets",
        ),
    ]


def _points(n: float) -> str:
    return "never" if np.isinf(n) else f"{n:,.0f}"


def sampling_section(findings: Findings) -> Section | None:
    """Experiment 2: table and figure; None without records."""
    lines = findings.evidence.table("sampling")
    if not lines:
        return None
    seeds = sorted({line.miou.n for line in lines})
    compared = [line for line in lines if line.p is not None]
    better = [
        line
        for line in compared
        if line.p is not None and line.p < 0.05 and _gain(line) > 0
    ]  # fmt: skip
    worse = [
        line
        for line in compared
        if line.p is not None and line.p < 0.05 and _gain(line) < 0
    ]  # fmt: skip
    many = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    return Section(
        "Experiment 2: where the points lie",
        [
            Paragraph(
                "*Spread* places the points of a class one per cell of a spatial grid, *interior* "
                "at least 4 pixels from another class, *simple* draws as many points in total "
                "without regard to class, and *pseudo-stratified* is what the reference study "
                "calls stratified: it shuffles the pixels of a class and takes evenly spaced "
                f"places of the list, which is random sampling again. With {many} seeds, "
                f"{len(better)} of {len(compared)} comparisons with random points are "
                f"significantly better after correction{_named(better)} and {len(worse)} are "
                f"significantly worse{_named(worse)}."
            ),
            _table(lines, "Sampling strategies, P-classic.", "sampling"),
            *_drawn(
                figures.draw_sampling(findings.evidence),
                "Difference to as many random points per class, with 95 % intervals of the paired "
                "differences.",
                "sampling-figure",
            ),
        ],
        "experiment-2",
    )


def _gain(line: Line) -> float:
    return 0.0 if line.comparison is None else line.comparison.difference.value


def _named(lines: Sequence[Line]) -> str:
    return f" ({'; '.join(literal(line.row.name) for line in lines)})" if lines else ""


def baselines_section(findings: Findings) -> Section | None:
    """Baselines and ablations; None without records."""
    lines = findings.evidence.table("baselines")
    if not lines:
        return None
    return Section(
        "Baselines and ablations",
        [
            Paragraph(
                "All at 200 simple random points per image unless said otherwise. *Recipe of the "
                "reference*: Adam, rate 0.001, weight decay 0.0001, eight images a step, "
                "horizontal flips; *plain training*: AdamW, rate 0.001, four images a step. "
                "*One view*: no averaging over the symmetries of a test image."
            ),
            _table(lines, "Baselines, P-classic.", "baselines"),
            *_drawn(
                figures.draw_bars(lines),
                "The same, best first, with 95 % intervals.",
                "baselines-figure",
            ),
        ],
    )


def classes_section(findings: Findings) -> Section | None:
    """Figures by class of 200 points per image; None without records."""
    line = findings.evidence.line("density", "200 per image")
    if line is None:
        return None
    tables = {name: np.array(line.by_class(name)) for name in ("iou", "precision", "recall")}
    rows: list[list[str | int | float | Cell]] = []
    for c, name in enumerate(CLASSIC_LEGEND.names):
        row: list[str | int | float | Cell] = [name]
        for k, table in enumerate(tables.values()):
            mean = mean_over_seeds(table[:, c].tolist())
            row += [str(mean).split(", n")[0] + (")" if mean.n > 1 else ""),
                    f"{reference.PER_CLASS[name][k]:.4f}"]  # fmt: skip
        rows.append(row)
    return Section(
        "Per class",
        [
            Table(
                ["class", "IoU", "stated", "precision", "stated", "recall", "stated"],
                rows,
                f"Per class at 200 points per image, {line.miou.n} seeds.",
                "lrrrrrr",
                notes="Means with Student's 95 % interval; *stated*: the reference study.",
                label="classes",
            ),
            *_drawn(
                figures.draw_classes(findings.evidence),
                "Per class: this project with 95 % intervals, and the reference study.",
                "classes-figure",
            ),
        ],
    )


def cost_section(findings: Findings) -> Section:
    """Time and money of points and masks."""
    cost = findings.cost
    rows = []
    for n in (5, 25, 50, 100, 200, 500):
        line = findings.evidence.line("density", f"{n} per image")
        per_class = findings.evidence.line("density", f"{n // 5} per class")
        found = line or per_class
        seconds = cost.points_seconds(n)
        rows.append(
            [
                str(n),
                f"{seconds / 60:.1f}",
                f"{cost.money(seconds):.2f}",
                f"{cost.saved(n):+.0%}",
                "" if found is None else f"{found.miou.value:.4f}",
            ]
        )
    return Section(
        "What labels cost",
        [
            Paragraph(
                "The reference study states 0.50 dollars per image and 99 % saved, without saying "
                f"how long a point or a mask takes. With {cost.seconds_per_point:g} s per point "
                f"and {cost.minutes_per_mask:.1f} min per full mask, what annotators of "
                "photographs needed [@bearman2016], points cost less than a mask up to "
                f"{cost.break_even:.0f} per image. Both times are parameters of the report "
                "(`--seconds-per-point`, `--minutes-per-mask`): 99 % fewer labelled pixels are not "
                "99 % less work, because a mask is not painted pixel by pixel."
            ),
            Table(
                ["points per image", "minutes", "cost", "saved", "mean IoU"],
                rows,
                f"Time and cost of the points of one image at {cost.hourly_wage:g} per hour; saved "
                "against a full mask.",
                "rrrrr",
                label="cost",
            ),
        ],
    )


def transfer_section(findings: Findings) -> Section | None:
    """Terrain, Dubai, published data sets; None without records."""
    lines = findings.evidence.table("transfer")
    real = findings.evidence.table("real")
    published = findings.evidence.benchmarks()
    if not (lines or real or published):
        return None
    blocks: list[Block] = [
        Paragraph(
            "The reference study calls its set-up directly transferable to real data. Trained on "
            "classic scenes and tested on terrain, and learnt from points on real scenes, it gives "
            "the figures below."
        )
    ]
    if lines:
        blocks.append(_table(lines, "Transfer.", "transfer", stated=False))
    if real:
        blocks += [
            Paragraph(_who_is_ahead(real)),
            _scene_table(real),
            *_drawn(
                figures.draw_real(real),
                "P-scene: mean IoU of the whole scene against points, with 95 % intervals where "
                "there are three draws.",
                "real-figure",
            ),
        ]
    if published:
        blocks.append(_table(published, "Published data sets.", "published", stated=False))
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


_DESIGNS = ("simple", "balanced")


def _by_recipe(lines: Sequence[Line]) -> dict[tuple[str, int, str], dict[str, Line]]:
    """The lines of each scene, number of points and design, by recipe."""
    found: dict[tuple[str, int, str], dict[str, Line]] = {}
    for line in lines:
        cell = line.row.cell
        if is_main(cell):
            place = (cell.scene, cell.n_points, cell.design)
            found.setdefault(place, {})[cell.recipe] = line
    return found


def _who_is_ahead(lines: Sequence[Line]) -> str:
    """In how many runs the default recipe is ahead, on the same points."""
    pairs: dict[str, list[tuple[float, float]]] = {"forest": [], "unet": []}
    for by_recipe in _by_recipe(lines).values():
        ours = by_recipe["stack"].runs if "stack" in by_recipe else {}
        for other, told in pairs.items():
            theirs = by_recipe[other].runs if other in by_recipe else {}
            told += [(ours[s]["miou"], theirs[s]["miou"]) for s in ours.keys() & theirs.keys()]
    said = [
        f"above the {ON_SCENES[other]} in {sum(a > b for a, b in told)} of {len(told)} runs on the "
        f"same points, by {np.mean([a - b for a, b in told]):.3f} mean IoU in the mean"
        for other, told in pairs.items()
        if told
    ]
    if not said:
        return "[#real] gives what is recorded so far on real scenes."
    return f"[#real]: the default recipe is {', and '.join(said)}."


def _scene_table(lines: Sequence[Line]) -> Table:
    """Mean IoU / overall accuracy by scene and points: three recipes, two designs."""
    found = _by_recipe(lines)
    kinds = [(design, recipe) for design in _DESIGNS for recipe in ON_SCENES]
    heads = [f"{design}: {ON_SCENES[recipe].removesuffix(' recipe')}" for design, recipe in kinds]
    rows: list[list[str | int | float | Cell]] = []
    for scene, n in dict.fromkeys((scene, n) for scene, n, _ in found):
        at = [found.get((scene, n, design), {}).get(recipe) for design, recipe in kinds]
        seeds = [line.miou.n for line in at if line is not None]
        many = f"{min(seeds)}–{max(seeds)}" if min(seeds) < max(seeds) else str(seeds[0])
        rows.append([scene, n, many, *map(_both_figures, at)])
    return Table(
        ["scene", "points", "seeds", *heads],
        rows,
        "Points on one real scene (P-scene).",
        "lrr" + "c" * len(kinds),
        notes="Mean IoU / overall accuracy of the whole scene, means over seeds.",
        label="real",
    )


def _both_figures(line: Line | None) -> str:
    return "–" if line is None else f"{line.miou.value:.3f} / {line.accuracy.value:.3f}"


def recipe_section(findings: Findings) -> Section | None:
    """What the default recipe and its parts are worth on real scenes; None without records."""
    tables = {
        "ablation": "Ten minutes on two cores with bf16 or on a GPU (P-scene).",
        "ablation-reduced": "Two minutes of a CPU without bf16 (P-scene).",
        "disturbed": "Points that are wrong, or off by up to two pixels; two minutes (P-scene).",
        "blocks": "Labels of the even squares of a checkerboard, the odd ones scored (P-blocks).",
    }
    found = {name: findings.evidence.table(name) for name in tables}
    # forests and plain networks belong to other studies too: alone they say nothing of the recipe
    shown = {name: lines for name, lines in found.items() if any(map(_has_setting, lines))}
    if all(
        getattr(line.row.cell, "setting", None) in (None, "default") for line in found["ablation"]
    ):
        shown.pop("ablation", None)  # what is recorded of it is shown by scene already
    if not any(map(_is_disturbed, shown.get("disturbed", []))):
        shown.pop("disturbed", None)  # its undisturbed rows are those of another study
    if not shown:
        return None
    return Section(
        "The default recipe on real scenes",
        [
            Paragraph(
                "The default recipe maps with a network and a random forest that learn from the "
                "same points. Each row is it, one of its parts, or it with one thing otherwise, at "
                "equal time; differences are to the forest for the default recipe and the plain "
                "network (partial cross-entropy, a ResNet-34, nothing else), and to the default "
                "recipe, on points that are right, for the others."
            ),
            *(_table(shown[name], tables[name], name, stated=False) for name in shown),
        ],
    )


def _has_setting(line: Line) -> bool:
    return getattr(line.row.cell, "setting", None) is not None


def _is_disturbed(line: Line) -> bool:
    cell = line.row.cell
    return bool(getattr(cell, "wrong_share", None) or getattr(cell, "off_px", None))


def accuracy_section(findings: Findings) -> Section | None:
    """P-accuracy: bias and coverage; None without records."""
    lines = findings.evidence.table("accuracy")
    if not lines:
        return None
    runs = [record for line in lines for record in line.runs.values()]
    rows: list[list[str | int | float | Cell]] = []
    for record in runs:
        biases, held = areas_with_enough(record)
        cell = record["cell"]
        rows.append(
            [
                f"{cell['scene']}, {name_design(cell)}",
                int(cell["n_points"]),
                f"{record['overall']['bias']:+.3f}",
                f"{record['overall']['coverage']:.1%}",
                f"{max(biases, key=abs):+.3f}",
                f"{min(held):.1%}",
                f"{max(held):.1%}",
            ]
        )
    return Section(
        "Is the stated accuracy true?",
        [
            Paragraph(
                "A forest's map of each Dubai scene and its dense mask make a census. From it "
                f"{runs[0]['cell']['draws']:,} independent reference samples are drawn by each "
                "design and assessed like real ones. An honest assessment has no bias, and its "
                "95 % intervals hold the truth in 95 % of the samples. Systematic samples are "
                "judged as if they were simple random, as is usual: they can cover more than "
                "they state where neighbours are alike, and less where the grid keeps step with "
                "something on the ground."
            ),
            Table(
                ["map, design", "points", "OA: bias", "OA: coverage", "area: worst bias",
                 "least coverage", "greatest"],
                rows,
                "P-accuracy: bias in standard errors, and coverage of 95 % intervals.",
                "lrrrrrr",
                notes=f"Monte-Carlo error of a coverage: {runs[0]['monte_carlo_error']:.2%}. Areas "
                f"of classes with {ENOUGH} samples or more on average.",
                label="accuracy",
            ),
        ],
    )  # fmt: skip


def examples_section(findings: Findings) -> Section | None:
    """Pictures of maps; None where none are kept."""
    examples = read_examples(findings.evidence.records, findings.folders)
    if not examples:
        return None
    grids: list[Block] = [
        Paragraph(
            "Learnt from 200 points per image on generated scenes, and from 300 points on the "
            "whole of a real scene. The points shown on generated images are drawn as those of "
            "the training images are; the network never saw a test image."
        )
    ]
    for i, example in enumerate(examples):
        panels = draw_panels(example)
        grids.append(
            FigureGrid(
                [Figure(png, title, pixelated=True, alt=title) for title, png in panels],
                len(panels),
                f"{literal(example.name)}: {share_wrong(example):.1%} of the pixels are wrong.",
                f"example-{i}",
            )
        )
    return Section("What the maps look like", grids)


def claims_section(findings: Findings) -> Section:
    """The ledger as a table."""
    rows: list[list[str | int | float | Cell] | Subhead] = []
    for group in dict.fromkeys(claim.group for claim in findings.claims):
        rows.append(Subhead(group))
        rows += [
            [
                literal(claim.text),
                literal(claim.measured) or "—",
                Cell(claim.verdict, TONES[claim.verdict]),
                literal(claim.why),
            ]
            for claim in findings.claims
            if claim.group == group
        ]
    return Section(
        "Claims ledger",
        [
            Paragraph(
                "Every number and every sentence of the reference study. *Exceeded*: the 95 % "
                "interval lies above the number; *reproduced*: it holds it; *not reproduced*: it "
                "lies below, or the sentence does not hold."
            ),
            Table(
                ["claim", "measured", "verdict", "why"],
                rows,
                "The claims ledger.",
                "llll",
                widths=(3, 3, 1.7, 3),
                label="ledger",
            ),
        ],
        "claims",
    )
