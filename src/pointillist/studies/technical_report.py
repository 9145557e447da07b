"""The technical report: every sentence with a number is made of the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pointillist import __version__
from pointillist.report.document import (
    Block,
    BulletList,
    Cell,
    Document,
    Figure,
    FigureGrid,
    Formula,
    Note,
    PageBreak,
    Paragraph,
    Section,
    Subhead,
    Table,
    literal,
    write_html,
    write_pdf,
)
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.studies import claims as ledger
from pointillist.studies import figures, reference
from pointillist.studies.cost import CostModel
from pointillist.studies.evidence import Evidence
from pointillist.studies.examples import read_examples
from pointillist.studies.figures import points_per_image, to_svg
from pointillist.studies.learning_curve import Budget, Curve, find_budgets
from pointillist.studies.literature import REFERENCES
from pointillist.studies.panels import draw_panels, share_wrong
from pointillist.studies.places import Folders
from pointillist.studies.statistics import mean_over_seeds
from pointillist.studies.tables import Line, format_p

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_TONES: dict[str, Any] = {
    ledger.EXCEEDED: "good",
    ledger.REPRODUCED: "good",
    ledger.NOT_REPRODUCED: "bad",
    ledger.NOT_MEASURED: "quiet",
}


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
    scores = {points_per_image(line.row): line.values("miou") for line in evidence.table("density")}
    full = evidence.values("baselines", "full masks")
    if len(scores) < 3 or not full:
        return None, []
    return find_budgets(scores, full)


def write_report(findings: Findings, pdf: Path, html: Path, claims: Path) -> None:
    """Write the PDF, the page and the ledger.

    Args:
        findings: What they say.
        pdf: File for the typeset report.
        html: File for the same as a page.
        claims: File for the ledger in Markdown.
    """
    document = make_document(findings)
    write_pdf(document, pdf, overwrite=True)
    write_html(document, html, overwrite=True)
    ledger.write_ledger(findings.claims, claims)


def make_document(findings: Findings) -> Document:
    """The report as a document."""
    return Document(
        title="Learning land cover from labelled points",
        subtitle="A measured re-examination of partial cross-entropy on sparse labels",
        authors=("The Pointillist developers",),
        imprint=f"Pointillist {__version__}, MIT licence. Made from the records of runs alone.",
        running_title="Learning land cover from labelled points",
        abstract=_abstract(findings),
        sections=[
            section
            for section in (
                _question(),
                _method(),
                _data(),
                _protocols(),
                _density(findings),
                _sampling(findings),
                _baselines(findings),
                _classes(findings),
                _cost(findings),
                _transfer(findings),
                _examples(findings),
                _statistics(findings),
                _claims(findings),
                _limits(findings),
            )
            if section is not None
        ],
        references=REFERENCES,
    )


def _abstract(findings: Findings) -> list[str]:
    evidence = findings.evidence
    counts = {
        verdict: sum(claim.verdict == verdict for claim in findings.claims) for verdict in _TONES
    }
    told = [
        "A published study trains a U-Net with partial cross-entropy on a few labelled points per "
        "image and reports, from one seed and with ImageNet weights, a mean IoU of 0.93 on "
        "generated scenes. We re-implement it, run every cell again with several seeds from random "
        "initialisation, and judge each of its claims by intervals and paired tests."
    ]
    final, full = (
        evidence.line("density", "200 per image"),
        evidence.line("baselines", "full masks"),
    )
    if final is not None:
        sentence = (
            f"With 200 points per image (1.2 % of the pixels) the same network reaches a mean IoU "
            f"of {final.miou}, against the stated 0.9290"
        )
        if full is not None:
            sentence += f"; trained on the full masks it reaches {full.miou}"
        told.append(sentence + ".")
    forest = evidence.line("baselines", "200 per image, forest")
    if forest is not None and final is not None:
        better = "better than" if forest.miou.value > final.miou.value else "below"
        told.append(
            f"A random forest on multi-scale features of the same points reaches {forest.miou}, "
            f"{better} the network: these scenes are easy."
        )
    told.append(
        f"Of {len(findings.claims)} claims, {counts[ledger.EXCEEDED]} are exceeded, "
        f"{counts[ledger.REPRODUCED]} reproduced, {counts[ledger.NOT_REPRODUCED]} not reproduced "
        f"and {counts[ledger.NOT_MEASURED]} not measured yet."
    )
    return [" ".join(told)]


def _question() -> Section:
    return Section(
        "The question",
        [
            Paragraph(
                "People who map land cover have images and no patience for painting masks. How "
                "good a map can be learnt from labelled points alone, how many does it take, and "
                "where should they lie? A published study answers with tables of a single seed, "
                "whose point counts are labelled in two ways and whose baselines contradict each "
                "other. This report measures the same quantities with repetition, and says of "
                "every number and every sentence of that study whether it holds ([#claims])."
            )
        ],
    )


def _method() -> Section:
    return Section(
        "Method",
        [
            Paragraph(
                "The network is a U-Net [@ronneberger2015] with a ResNet-34 encoder [@he2016], "
                "here from random initialisation. It is trained with the *partial cross-entropy* "
                "[@tang2018]: the cross-entropy averaged over the labelled pixels $\\Omega$ only,"
            ),
            Formula(
                r"L = \frac{\sum_i m_i \, \ell_i}{\sum_i m_i}, \quad "
                r"\ell_i = -\log p_i(y_i), \quad p_i(c) = \frac{e^{z_i(c)}}{\sum_k e^{z_i(k)}}",
                label="loss",
            ),
            Paragraph(
                "where $m_i$ is 1 where pixel $i$ is labelled and 0 elsewhere, $y_i$ its class and "
                "$z_i$ the logits. Its gradient with respect to the logits is"
            ),
            Formula(
                r"\frac{\partial L}{\partial z_i(c)} = "
                r"\frac{m_i}{\sum_j m_j} \left( p_i(c) - [c = y_i] \right)",
                label="gradient",
            ),
            Paragraph(
                "so an unlabelled pixel contributes exactly nothing, whatever the network says "
                "there, and each labelled pixel pulls by the same weight. What reaches the "
                "unlabelled pixels does so through the shared weights alone. The implementation "
                "computes logits and loss at the labelled pixels only; a property test checks that "
                "the gradient elsewhere is exactly zero."
            ),
            Paragraph(
                "**The project's recipe** differs from the reference study's in four ways, each "
                "within the same budget of labels and epochs: four images a step instead of eight, "
                "AdamW [@loshchilov2019] with a peak rate of 0.004 after a warm-up of 10 %, all "
                "eight symmetries of the square as augmentation instead of horizontal flips, and "
                "class probabilities averaged over the eight symmetries of a test image. "
                "[#baselines] shows rows with and without. The settings were chosen on seeds that "
                "no table here uses."
            ),
        ],
        label="method",
    )


def _data() -> Section:
    return Section(
        "Data",
        [
            Paragraph(
                "*Classic* scenes are the reference study's own, re-implemented from its "
                "description: vegetation with three to seven urban rectangles, a winding river, "
                "two to four discs of bare soil and two straight roads, 128×128 pixels, each class "
                "one mean colour with independent noise of standard deviation 0.08. *Terrain* "
                "scenes are generated with the same five classes and none of the simplicity: "
                "parcels, woods, towns, meandering water, relief, shadows, texture. Four *Dubai* "
                "scenes of satellite imagery (3.7 to 28.6 million pixels, five classes, drawn by "
                "several annotators) stand for real data; no pixel of them is printed in the "
                "published version of this report."
            )
        ],
    )


def _protocols() -> Section:
    return Section(
        "Protocols",
        [
            BulletList(
                [
                    "**P-classic**: 200 training and 50 test images of 128×128 pixels, 5 epochs "
                    "that show each training image once, labels only at the points, no "
                    "pretraining, no model selection on full masks; mean IoU over all test pixels "
                    "together. A seed sets scenes, points, network and order.",
                    "**P-scene**: points on one real scene, train on those only, map the whole "
                    "scene, score every labelled pixel of its dense mask.",
                    "**P-transfer**: points on three Dubai scenes, the fourth is scored.",
                    "**P-benchmark**: published data sets with simulated points, by whoever has "
                    "the data.",
                ]
            )
        ],
    )


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
        notes=notes,
        label=label,
    )


def _drawn(drawing: Drawing | None, caption: str, label: str) -> list[Block]:
    return [] if drawing is None else [Figure(to_svg(drawing), caption, label)]


def _density(findings: Findings) -> Section | None:
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
            f"$s(n) = {curve.ceiling:.4f} - {curve.gap:.3f}\\, n^{{-{curve.rate:.2f}}}$, and solved "
            "for the number of points at which a share of the fully supervised score is reached "
            "([#budgets])."
        ),
        Table(
            ["share of full quality", "mean IoU", "points per image", "95 %", "measured range"],
            rows,
            "Points per image for a share of the quality of full masks.",
            "lrrrc",
            notes="Intervals: 2000 bootstrap samples of the seeds, for points and full masks alike. "
            "Outside the measured range the figure is an extrapolation.",
            label="budgets",
        ),
    ]


def _points(n: float) -> str:
    return "never" if np.isinf(n) else f"{n:,.0f}"


def _sampling(findings: Findings) -> Section | None:
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


def _baselines(findings: Findings) -> Section | None:
    lines = findings.evidence.table("baselines")
    if not lines:
        return None
    return Section(
        "Baselines and ablations",
        [
            Paragraph(
                "All at 200 simple random points per image unless said otherwise. *Recipe of the "
                "reference*: Adam, rate 0.001, weight decay 0.0001, eight images a step, horizontal "
                "flips; *plain training*: AdamW, rate 0.001, four images a step. *One view*: no "
                "averaging over the symmetries of a test image."
            ),
            _table(lines, "Baselines, P-classic.", "baselines"),
            *_drawn(
                figures.draw_bars(lines),
                "The same, best first, with 95 % intervals.",
                "baselines-figure",
            ),
        ],
    )


def _classes(findings: Findings) -> Section | None:
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


def _cost(findings: Findings) -> Section:
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


def _transfer(findings: Findings) -> Section | None:
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
            _table(real, "Points on one real scene (P-scene).", "real", stated=False),
            *_drawn(
                figures.draw_real(real),
                "P-scene: mean IoU of the whole scene against the number of points, 95 % intervals.",
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


def _examples(findings: Findings) -> Section | None:
    examples = read_examples(findings.evidence.records, findings.folders)
    if not examples:
        return None
    grids: list[Block] = [PageBreak()]
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


def _statistics(findings: Findings) -> Section:
    return Section(
        "Statistics",
        [
            Paragraph(
                "Every cell is run with several seeds; a seed changes scenes, points, initial "
                "weights and order together, so intervals speak of the whole procedure. Means carry "
                "Student's *t* interval. Two rows are compared by the paired *t* test over the seeds "
                "they share, and all comparisons of a table are corrected together by Holm's method "
                "[@holm1979]. Effect sizes are mean differences in standard deviations of the "
                "differences. Ratios of points to full masks are taken seed by seed."
            ),
            Note(
                "With few seeds an interval is wide and a test has little power: the number of "
                "seeds stands in every table. A comparison that is not significant is not evidence "
                "of equality.",
                title="How to read the tables",
            ),
        ],
    )


def _claims(findings: Findings) -> Section:
    rows: list[list[str | int | float | Cell] | Subhead] = []
    for group in dict.fromkeys(claim.group for claim in findings.claims):
        rows.append(Subhead(group))
        rows += [
            [
                literal(claim.text),
                literal(claim.measured) or "—",
                Cell(claim.verdict, _TONES[claim.verdict]),
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
                widths=(3, 3, 1.3, 3),
                label="ledger",
            ),
        ],
        "claims",
    )


def _limits(findings: Findings) -> Section:
    few = [line for line in findings.evidence.table("sampling") if line.miou.n < 10]
    items = [
        "Classic scenes are easy and small; a ranking on them need not hold on imagery. The scores "
        "on real scenes are far lower and their masks are noisy.",
        "No run here starts from ImageNet weights, because none could be had where it was made; a "
        "row is added by whoever has the file (`pointillist study baselines --weights FILE`).",
        "The labels are simulated: drawn from masks without error. People misplace and misjudge.",
        "P-scene trains and scores on one scene: it measures mapping, not generalisation.",
    ]
    if few:
        items.append(
            f"{len(few)} rows of the sampling study rest on fewer than ten seeds so far; the study "
            "goes on where it stopped (`pointillist study sampling`)."
        )
    return Section("Limits", [BulletList(items)])
