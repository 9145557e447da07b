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
from pointillist.studies import claim as ledger
from pointillist.studies import figures, reference
from pointillist.studies.coverage import ENOUGH, areas_with_enough, name_design
from pointillist.studies.evidence import Evidence
from pointillist.studies.examples import read_examples
from pointillist.studies.figures import to_svg
from pointillist.studies.findings import Findings
from pointillist.studies.learning_curve import Budget
from pointillist.studies.naming import LONGER_MASKS, LONGER_POINTS
from pointillist.studies.panels import draw_panels, share_wrong
from pointillist.studies.report_discussion import discuss_density, discuss_sampling
from pointillist.studies.report_tables import Cells, line_table, percent, told
from pointillist.studies.statistics import Mean, mean_over_seeds
from pointillist.studies.tables import Line, signed, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

TONES: dict[str, Any] = {
    ledger.EXCEEDED: "good",
    ledger.REPRODUCED: "good",
    ledger.NOT_REPRODUCED: "bad",
    ledger.CONFIRMED: "good",
    ledger.NOT_CONFIRMED: "bad",
    ledger.SAME: "quiet",
    ledger.DIFFERENT: "quiet",
    ledger.MET: "good",
    ledger.MISSED: "bad",
    ledger.NOT_MEASURED: "quiet",
}


def _drawn(drawing: Drawing | None, caption: str, label: str) -> list[Block]:
    return [] if drawing is None else [Figure(to_svg(drawing), caption, label, floating=True)]


def density_section(findings: Findings) -> Section | None:
    """Experiment 1: table, figure, learning curve; None without records."""
    lines = findings.evidence.table("density")
    if not lines:
        return None
    beaten = [line for line in lines if line.stated is not None]
    above = [line for line in beaten if line.miou.value >= (line.stated or 0)]
    blocks: list[Block] = [
        Paragraph(
            "[#density] gives the score at every number of points, [#density-figure] draws it. Of "
            f"the {len(beaten)} rows for which the reference study states a figure, "
            f"{'all' if above == beaten else len(above)} reach it, without its ImageNet weights. "
            "Its table counts points *per class*: 50 per class are up to 250 per image."
        ),
        line_table(lines, "Point density, P-classic.", "density"),
        *_drawn(
            figures.draw_density(findings.evidence, findings.curves),
            _caption_of_density(is_fitted=bool(findings.curves)),
            "density-figure",
        ),
        *discuss_density(lines),
    ]
    if findings.curves:
        blocks += _curve_blocks(findings)
    return Section("Experiment 1: how many points", blocks, "experiment-1")


def _caption_of_density(*, is_fitted: bool) -> str:
    said = (
        "Mean IoU against points per image: rows of [#density] with 95 % intervals over their seeds"
    )
    if not is_fitted:
        return f"{said}."
    return (
        f"{said}, and the curves fitted to these and to further numbers of points of "
        "experiment 2 ([#budgets])."
    )


_DESIGNS = {"per class": "as many random points of every class", "per image": "simple random"}


def _curve_blocks(findings: Findings) -> list[Block]:
    rows: list[Cells | Subhead] = []
    for design, budgets in findings.budgets.items():
        rows.append(Subhead(_DESIGNS[design]))
        rows += [
            [
                percent(budget.share),
                f"{budget.score:.4f}",
                _points(budget.points),
                f"[{_points(budget.low)}, {_points(budget.high)}]",
                _inside(budget),
            ]
            for budget in budgets
        ]
    formulas = " and ".join(
        f"$s(n) = {curve.ceiling:.4f} - {curve.gap:.3f}\\, n^{{-{curve.rate:.2f}}}$ "
        f"({_DESIGNS[design]})"
        for design, curve in findings.curves.items()
    )
    return [
        Paragraph(
            "For each design a saturating power law [@hestness2017] is fitted to the scores $s$ "
            "of all seeds at $n$ points per image, over every number measured in either "
            "experiment: "
            f"{formulas}. It is solved for the points at which a share of the fully supervised "
            "score is reached ([#budgets])."
        ),
        Table(
            ["share of full quality", "mean IoU", "points per image", "95 %", "measured range"],
            rows,
            "Points per image for a share of the quality of full masks.",
            "lrrrc",
            notes="Full quality is the mean over the seeds of full masks, by the same recipe: "
            f"four images a step.{_not_the_most(findings.evidence)} Intervals: 2000 bootstrap "
            "samples of the seeds, the same for every row. Outside the measured range a figure is "
            "extrapolated.",
            label="budgets",
        ),
    ]


def _inside(budget: Budget) -> str:
    if not budget.inside:
        return "no"
    return "yes" if budget.ends_inside else "yes, its interval not"


def _not_the_most(evidence: Evidence) -> str:
    """What full masks lead to with more steps, where that is more."""
    longer = evidence.line("baselines", LONGER_MASKS)
    points = evidence.line("baselines", LONGER_POINTS)
    if longer is None or points is None:
        return ""
    return (
        f" It is no upper bound: with two a step, in as many epochs, full masks lead to "
        f"{told(longer.miou)} and 200 points to {told(points.miou)}."
    )


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
                "at least 4 pixels from another class (in a class too thin for that, in the tenth "
                "of it or more that lies deepest), *simple* draws as many points in total without "
                "regard to class, and *pseudo-stratified* is what the reference study calls "
                "stratified: it shuffles the pixels of a class and takes evenly spaced "
                f"places of the list, which is random sampling again. With {many} seeds, "
                f"{len(better)} of {len(compared)} comparisons with random points are "
                f"significantly better after correction{_named(better)} and {len(worse)} are "
                f"significantly worse{_named(worse)}."
            ),
            line_table(
                lines,
                "Sampling strategies, P-classic.",
                "sampling",
                against="as many random points per class",
                group=_by_strategy,
            ),
            *_drawn(
                figures.draw_sampling(findings.evidence),
                "Difference to as many random points per class, with 95 % intervals of the paired "
                "differences.",
                "sampling-figure",
            ),
            *discuss_sampling(lines),
        ],
        "experiment-2",
    )


_STRATEGIES = {
    "": "random, per class",
    "simple": "simple random, as many points in total",
    "spread": "spread",
    "interior": "interior",
    "pseudo-stratified": "pseudo-stratified",
}


def _by_strategy(line: Line) -> tuple[str, str]:
    """Heading and name of a row: the strategy, and how many points."""
    return _STRATEGIES[figures.strategy_of(line)], line.row.name.split(", ")[0]


def _gain(line: Line) -> float:
    return 0.0 if line.comparison is None else line.comparison.difference.value


def _named(lines: Sequence[Line]) -> str:
    """In brackets: the strategies, each with its numbers of points."""
    found: dict[str, list[str]] = {}
    for line in lines:
        heading, name = _by_strategy(line)
        found.setdefault(f"{heading.split(',')[0]}|{name.split(' ', 1)[1]}", []).append(
            name.split(" ")[0]
        )
    parts = [
        f"{key.split('|')[0]} at {', '.join(numbers)} {key.split('|')[1]}"
        for key, numbers in found.items()
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def baselines_section(findings: Findings) -> Section | None:
    """Baselines and ablations; None without records."""
    lines = findings.evidence.table("baselines")
    if not lines:
        return None
    return Section(
        "Baselines and ablations",
        [
            Paragraph(
                "All at 200 simple random points per image unless said otherwise ([#baselines], "
                "[#baselines-figure]). *Recipe of the "
                "reference*: Adam, rate 0.001, weight decay 0.0001, eight images a step, "
                "horizontal flips; *plain training*: AdamW, rate 0.001, four images a step. "
                "*One view*: no averaging over the symmetries of a test image. *Pretrained network "
                "and forest*: the default recipe of real scenes ([#method]); its slim network "
                "starts from weights learnt on other generated scenes, so these rows are not for "
                "comparison with the reference study. " + _default_on_classic(lines)
            ),
            line_table(
                lines,
                "Baselines, P-classic.",
                "baselines",
                against="this project's network with as many points (one view and other "
                "trainings: with 200 points per image; full masks: 200 points, trained alike)",
            ),
            *_drawn(
                figures.draw_bars(lines),
                "The rows of [#baselines]: by number of labels, below the line what was trained "
                "otherwise; 95 % intervals where there are three seeds or more.",
                "baselines-figure",
            ),
        ],
    )


def _default_on_classic(lines: Sequence[Line]) -> str:
    """Where the default recipe is ahead of the network on the same points."""
    found = [line for line in lines if line.row.cell.recipe == "stack" and line.comparison]
    if not found:
        return ""
    ahead = sum(_gain(line) > 0 for line in found)
    surely = sum(_gain(line) > 0 and line.p is not None and line.p < 0.05 for line in found)
    seeds = sorted({line.comparison.difference.n for line in found if line.comparison})
    least = min(found, key=lambda line: line.row.cell.points_per_image)
    most = max(found, key=lambda line: line.row.cell.points_per_image)
    many = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return (
        f"It is ahead of the network on the same points in {ahead} of {len(found)} rows, "
        f"in {surely} of them significantly, on {many} seeds: by "
        f"{_gain(least):.4f} at {least.row.name.split(',')[0]} and {_gain(most):.4f} at "
        f"{most.row.name.split(',')[0]}. Much of it is the forest, for which these scenes are easy."
    )


def classes_section(findings: Findings) -> Section | None:
    """Figures by class of 200 points per image; None without records."""
    line = findings.evidence.line("density", "200 per image")
    if line is None:
        return None
    tables = {name: np.array(line.by_class(name)) for name in ("iou", "precision", "recall")}
    rows: list[Cells] = []
    means: dict[str, list[Mean]] = {name: [] for name in CLASSIC_LEGEND.names}
    above = below = 0
    for c, name in enumerate(CLASSIC_LEGEND.names):
        row: Cells = [name]
        for k, table in enumerate(tables.values()):
            mean, stated = mean_over_seeds(table[:, c].tolist()), reference.PER_CLASS[name][k]
            row += [spread(mean), f"{stated:.4f}"]
            above += mean.low > stated
            below += mean.high < stated
            means[name].append(mean)
        rows.append(row)
    hardest = min(means, key=lambda name: means[name][0].value)
    return Section(
        "Per class",
        [
            Paragraph(
                f"Of the reference study's {3 * len(rows)} figures by class, the 95 % interval "
                f"lies above {above} and below {below} ([#classes], [#classes-figure]). {hardest} "
                "has the lowest IoU."
            ),
            Table(
                ["class", "IoU", "stated", "precision", "stated", "recall", "stated"],
                rows,
                f"Per class at 200 points per image, {line.miou.n} seeds.",
                "lrrrrrr",
                notes="*Stated*: by the reference study.",
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
        name = f"{n} per image"  # simple random points, wherever they were measured
        found = findings.evidence.line("density", name) or findings.evidence.line("sampling", name)
        seconds = cost.points_seconds(n)
        rows.append(
            [
                str(n),
                f"{seconds / 60:.1f}",
                f"{cost.money(seconds):.2f}",
                percent(cost.saved(n)),
                "" if found is None else spread(found.miou),
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
                ["points per image", "minutes", "dollars", "saved", "mean IoU"],
                rows,
                "Time and cost of the simple random points of one image at "
                f"{cost.hourly_wage:g} dollars an hour.",
                "rrrrr",
                notes="Saved: share of the time of a full mask, below zero where points take "
                "longer.",
                label="cost",
            ),
        ],
    )


def accuracy_section(findings: Findings) -> Section | None:
    """P-accuracy: bias and coverage; None without records."""
    lines = findings.evidence.table("accuracy")
    if not lines:
        return None
    runs = [record for line in lines for record in line.runs.values()]
    by_design: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for record in runs:
        place = name_design(record["cell"]), int(record["cell"]["n_points"])
        by_design.setdefault(place, []).append(record)
    rows: list[Cells] = []
    for (design, n_points), records in by_design.items():
        areas = [areas_with_enough(record) for record in records]
        rows.append(
            [
                design,
                n_points,
                len({record["cell"]["scene"] for record in records}),
                signed(max((r["overall"]["bias"] for r in records), key=abs), 3),
                _range([r["overall"]["coverage"] for r in records]),
                signed(max((b for biases, _ in areas for b in biases), key=abs), 3),
                _range([c for _, held in areas for c in held]),
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
                "something on the ground. [#accuracy] gives the worst bias and the least and "
                "greatest coverage over the maps, of the estimators of [@olofsson2014]. "
                + _told_coverage(runs)
            ),
            Table(
                ["design", "points", "maps", "worst bias", "coverage, %", "worst bias",
                 "coverage, %"],
                rows,
                "P-accuracy: bias in standard errors, and coverage of 95 % intervals.",
                "lrrrrrr",
                groups=(("", 3), ("overall accuracy", 2), ("area of any class", 2)),
                notes="*Stratified*: by map class, in proportion; *equal*: as many in each; "
                "*other strata*: by the commonest class of cells of 64 pixels; *step × 0.93*: the "
                "step of the grid changed. "
                "Monte-Carlo error of a coverage: "
                f"{percent(runs[0]['monte_carlo_error'], 2)}. Areas of classes with {ENOUGH} "
                "samples or more on average.",
                label="accuracy",
            ),
        ],
    )  # fmt: skip


def _told_coverage(runs: Sequence[dict[str, Any]]) -> str:
    """The whole range, and where intervals of areas fail most."""
    held = [run["overall"]["coverage"] for run in runs]
    worst = min(
        (
            (run["area"]["coverage"][c], run["classes"][c], run["cell"])
            for run in runs
            for c, n in enumerate(run["area"]["n"])
            if n >= ENOUGH and run["area"]["coverage"][c] is not None
        ),
        key=lambda found: found[0],
        default=None,
    )
    said = f"Intervals of overall accuracy hold the truth in {_range(held)} % of the samples"
    if worst is None:
        return f"{said}."
    share, name, cell = worst
    return (
        f"{said}; those of areas fail most for {name} of {cell['scene']} "
        f"({percent(share, 1)}, {name_design(cell)}, {cell['n_points']} points), a class that the "
        "grid keeps step with or that few samples meet. User's and producer's accuracies are in "
        "docs/coverage.md of the repository."
    )


def _range(shares: Sequence[float]) -> str:
    return f"{100 * min(shares):.1f}–{100 * max(shares):.1f}"


def examples_section(findings: Findings) -> Section | None:
    """Pictures of maps; None where none are kept."""
    examples = read_examples(findings.evidence.records, findings.folders)
    if not examples:
        return None
    grids: list[Block] = [
        Paragraph(
            "The network learnt from 200 points per image on generated scenes; on a real one the "
            "default recipe and the plain network learnt from the same 300 points of the whole "
            "scene. The points shown on generated images "
            "are drawn as those of the training images are; the network never saw a test image. "
            "Red is urban (on the real scene: buildings), green vegetation, blue water, brown bare "
            "soil (land), dark grey road."
        )
    ]
    for i, example in enumerate(examples):
        panels = draw_panels(example)
        grids.append(
            FigureGrid(
                [Figure(png, title, pixelated=True, alt=title) for title, png in panels],
                len(panels),
                f"{literal(example.name)}: {percent(share_wrong(example), 1)} of the pixels are "
                "wrong.",
                f"example-{i}",
            )
        )
    return Section("What the maps look like", grids)


def claims_section(findings: Findings) -> Section:
    """The ledger as a table."""
    rows: list[Cells | Subhead] = []
    for group in dict.fromkeys(claim.group for claim in findings.claims):
        rows.append(Subhead(group))
        rows += [
            [
                literal(claim.text),
                literal(claim.measured) or "—",
                Cell(claim.verdict, TONES[claim.verdict]),
                claim.why,
            ]
            for claim in findings.claims
            if claim.group == group
        ]
    return Section(
        "Claims ledger",
        [
            Paragraph(
                "Every number and every sentence of the reference study; numbers that stand in "
                "two of its tables stand twice. *Exceeded*: the 95 % "
                "interval lies above the number; *reproduced*: it holds it; *not reproduced*: it "
                "lies below, or the sentence does not hold, as where a number tells a drawback and "
                "the interval lies above it. *Confirmed*: what was said of the "
                "study, not by it, is so."
            ),
            Table(
                ["claim", "measured", "verdict", "why"],
                rows,
                "The claims ledger.",
                "llll",
                widths=(4.4, 3.8, 0, 3.1),
                label="ledger",
            ),
        ],
        "claims",
    )
