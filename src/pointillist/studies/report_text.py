"""The report's sections that explain: question, method, data, protocols, statistics, limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointillist.report.document import BulletList, Formula, Note, Paragraph, Section
from pointillist.studies.findings import Findings
from pointillist.studies.tables import Line


def question() -> Section:
    """What is asked."""
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


def method() -> Section:
    """Network, loss, gradient, recipe."""
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
                "**The project's recipe** on generated images differs from the reference study's, "
                "within the same budget of labels and epochs, in these: four images a step instead "
                "of eight; AdamW [@loshchilov2019] with a weight decay of 0.01 instead of Adam "
                "with 0.0001; a peak rate of 0.004 after a warm-up of 10 % instead of 0.001, both "
                "falling along a cosine; all eight symmetries of the square as augmentation "
                "instead of horizontal flips; the last weights instead of those with the best "
                "score on full validation masks; and class probabilities averaged over the eight "
                "symmetries of a test image. The table of baselines has rows with plain training, "
                "with the reference study's settings and without the averaging; not every "
                "difference has a row of its own. The settings were chosen on seeds that no table "
                "here uses."
            ),
            Paragraph(
                "**On real scenes** three learn from the same points. The *forest* is a random "
                "forest [@breiman2001] on multi-scale features. The *plain network* is a "
                "ResNet-34 U-Net from random initialisation with partial cross-entropy, nothing "
                "else. The *default recipe* is what the program does unless told otherwise: a "
                "forest and a network map together, the mean of their probabilities; the network "
                "is a slim one that starts from weights learnt on generated scenes, is shown every "
                "class as often and keeps an average of its weights; where a design draws every "
                "class as often whatever its share of the scene, the shares are estimated from the "
                "scene [@saerens2002]. A network may end before its steps are done, when held-out "
                "points no longer improve. Most of its runs were made before the program smoothed "
                "its maps and trained several networks where time allows; what these two add has "
                "rows of its own among the gains."
            ),
        ],
        label="method",
    )


def data() -> Section:
    """Scenes."""
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
                "scenes of satellite imagery (2.5 to 28.6 million pixels, five classes, drawn by "
                "several annotators) stand for real data; no pixel of them is printed here."
            )
        ],
    )


def protocols() -> Section:
    """How quality is measured."""
    return Section(
        "Protocols",
        [
            BulletList(
                [
                    "**P-classic**: 200 training and 50 test images of 128×128 pixels, 5 epochs "
                    "that show each training image once, labels only at the points, no "
                    "pretraining, no model selection on full masks; mean IoU over all test pixels "
                    "together. A seed sets scenes, points and network. The default recipe "
                    "(pretrained network and forest) sees as many chips as five epochs have "
                    "images, drawn so that classes are balanced: some images more often than "
                    "others.",
                    "**P-scene**: points on one real scene, train on those only, map the whole "
                    "scene, score every labelled pixel of its dense mask.",
                    "**P-transfer**: points on three Dubai scenes, the fourth is scored.",
                    "**P-blocks**: labels of the even squares of a checkerboard on one real scene, "
                    "the odd ones are scored. Its figure is the share of what every label of the "
                    "even squares leads to.",
                    "**P-clicks**: the program says where to click next; a simulated mapper "
                    "answers. Its results stand in docs/clicks.md of the repository.",
                    "**P-accuracy**: many reference samples of one map, each assessed like a real "
                    "one and judged against the census of all labelled pixels.",
                    "**P-benchmark**: published data sets with simulated points, by whoever has "
                    "the data.",
                ]
            )
        ],
    )


def statistics(findings: Findings) -> Section:
    """How intervals and tests are made, and what the columns of the tables are."""
    return Section(
        "Statistics",
        [
            Paragraph(
                "A cell of P-classic is run with several seeds; a seed changes scenes, points "
                "and initial weights together, so intervals speak of the whole procedure. On "
                "real scenes a seed changes points and training, not the scene. In the ledger "
                "ratios to full masks are taken seed by seed. In the tables:"
            ),
            BulletList(
                [
                    "**±** is half of Student's 95 % interval of the mean over the seeds, where "
                    "there are two or more; where recipes are compared on real scenes, over the "
                    "scenes.",
                    "*Difference* is that of mean IoU to the row named below the table, on the "
                    "seeds that both have; *d* is its effect size, in standard deviations of the "
                    "differences; *p* is of the paired *t* test, after Holm's correction "
                    "[@holm1979] for all comparisons of the table.",
                    "*Reference* is the figure that the reference study states: one seed, ImageNet "
                    "weights.",
                ]
            ),
            Note(
                "With few seeds an interval is wide and a test has little power: the number of "
                "seeds stands in every table. A comparison that is not significant is not evidence "
                "of equality.",
                title="How to read the tables",
            ),
        ],
        "statistics",
    )


_ENOUGH_SEEDS = 10
_ON_REAL_SCENES = (
    "real", "ablation-reduced", "ensemble", "laptop", "disturbed", "blocks", "transfer",
)  # fmt: skip


def _is_mixed(line: Line, lines: Sequence[Line]) -> bool:
    """Whether a network is compared with one that another kind of machine trained, for a seed."""
    other = next((x for x in lines if x.row.name == line.row.against), None)
    if other is None or line.row.cell.recipe is not None:
        return False
    kinds = ("device", "precision_of_arithmetic")
    return any(
        [line.runs[seed].get(k) for k in kinds] != [other.runs[seed].get(k) for k in kinds]
        for seed in line.runs.keys() & other.runs.keys()
    )


def _ended_early(lines: Sequence[Line]) -> Iterator[str]:
    """How long the default recipe's networks trained, where some ended before they had to."""
    runs = [
        (line.row.cell.steps, run)
        for line in lines
        if line.row.cell.recipe == "stack"
        for run in line.runs.values()
    ]
    early = [(wanted, run) for wanted, run in runs if run.get("ended_early")]
    if early:
        most = max(wanted for wanted, _ in runs)
        mean = sum(run["steps"] for _, run in runs) / len(runs)
        yield (
            f"In P-scene {len(early)} of {len(runs)} networks of the default recipe ended before "
            f"their {most} steps, when held-out points no longer improved, after {mean:.0f} in the "
            "mean of all: compared with others that were given fewer steps, they had less of a "
            "lead in time than the numbers say."
        )


def limits(findings: Findings) -> Section:
    """What the figures do not say."""
    evidence = findings.evidence
    classic = [
        line
        for name in ("density", "sampling", "baselines", "transfer")
        for line in evidence.table(name)
        if not hasattr(line.row.cell, "scene") and line.row.figures is None
    ]
    few = {line.row.name: line.miou.n for line in classic if line.miou.n < _ENOUGH_SEEDS}
    real = [line for name in _ON_REAL_SCENES for line in evidence.table(name)]
    draws = {line.row.name: line.miou.n for line in real if hasattr(line.row.cell, "scene")}
    scarce = [n for n in draws.values() if n < 3]
    pretrained = any(getattr(line.row.cell, "weights", 0) for line in evidence.table("baselines"))
    full = evidence.line("baselines", "full masks")
    items = [
        "Classic scenes are easy and small; a ranking on them need not hold on imagery. The scores "
        "on real scenes are far lower and their masks are noisy.",
        "The labels are simulated: drawn from masks without error. People misplace and misjudge.",
        "P-scene trains and scores on one scene: it measures mapping, not generalisation.",
        "The settings of the default recipe were chosen on three of the four Dubai scenes, with "
        "other draws of points than those of the tables: for other scenes the tables may flatter "
        "it.",
    ]
    if not pretrained:
        items.append(
            "No run here starts from ImageNet weights, because none could be had where it was "
            "made; a row is added by whoever has the file (`pointillist study baselines --weights "
            "FILE`)."
        )
    if full is not None and full.miou.n < _ENOUGH_SEEDS:
        items.append(f"Every ratio to full masks rests on {full.miou.n} seeds of full masks.")
    mixed = [line for line in classic if line.comparison and _is_mixed(line, classic)]
    if mixed:
        items.append(
            f"In {len(mixed)} rows of P-classic some pairs join a run on a GPU with one on a CPU, "
            "or other arithmetic: what the machines do to a training stands in these differences "
            "too."
        )
    items += _ended_early(evidence.table("real"))
    if scarce:
        items.append(
            f"{len(scarce)} of {len(draws)} results on real scenes rest on fewer than three draws "
            f"of points so far, {scarce.count(1)} of them on one."
        )
    if few:
        items.append(
            f"{len(few)} rows of P-classic rest on fewer than ten seeds so far, the least on "
            f"{min(few.values())}; their studies go on where they stopped (`pointillist study "
            "all`)."
        )
    return Section("Limits", [BulletList(items)])
