"""The report's sections that explain: question, method, data, protocols, statistics, limits."""

from __future__ import annotations

from pointillist.report.document import BulletList, Formula, Note, Paragraph, Section
from pointillist.studies.findings import Findings


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
                "**The project's recipe** differs from the reference study's in four ways, each "
                "within the same budget of labels and epochs: four images a step instead of eight, "
                "AdamW [@loshchilov2019] with a peak rate of 0.004 after a warm-up of 10 %, all "
                "eight symmetries of the square as augmentation instead of horizontal flips, and "
                "class probabilities averaged over the eight symmetries of a test image. "
                "The table of baselines shows rows with and without. The settings were chosen on "
                "seeds that no table here uses."
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
                "scenes of satellite imagery (3.7 to 28.6 million pixels, five classes, drawn by "
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
                    "together. A seed sets scenes, points, network and order.",
                    "**P-scene**: points on one real scene, train on those only, map the whole "
                    "scene, score every labelled pixel of its dense mask.",
                    "**P-transfer**: points on three Dubai scenes, the fourth is scored.",
                    "**P-blocks**: labels of the even squares of a checkerboard on one real scene, "
                    "the odd ones are scored.",
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
                "A cell of P-classic is run with several seeds; a seed changes scenes, points, "
                "initial weights and order together, so intervals speak of the whole procedure. On "
                "real scenes a seed changes points and training, not the scene. Ratios to full "
                "masks are taken seed by seed. In the tables"
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


_ON_REAL_SCENES = ("real", "ablation-reduced", "ensemble", "disturbed", "blocks", "transfer")


def limits(findings: Findings) -> Section:
    """What the figures do not say."""
    evidence = findings.evidence
    few = [line for line in evidence.table("sampling") if line.miou.n < 10]
    real = [line for name in _ON_REAL_SCENES for line in evidence.table(name)]
    draws = {line.row.name: line.miou.n for line in real if hasattr(line.row.cell, "scene")}
    scarce = [n for n in draws.values() if n < 3]
    pretrained = any(getattr(line.row.cell, "weights", 0) for line in evidence.table("baselines"))
    items = [
        "Classic scenes are easy and small; a ranking on them need not hold on imagery. The scores "
        "on real scenes are far lower and their masks are noisy.",
        "The labels are simulated: drawn from masks without error. People misplace and misjudge.",
        "P-scene trains and scores on one scene: it measures mapping, not generalisation.",
    ]
    if not pretrained:
        items.append(
            "No run here starts from ImageNet weights, because none could be had where it was "
            "made; a row is added by whoever has the file (`pointillist study baselines --weights "
            "FILE`)."
        )
    if scarce:
        items.append(
            f"{len(scarce)} of {len(draws)} rows on real scenes rest on fewer than three draws of "
            f"points so far, {scarce.count(1)} of them on one."
        )
    if few:
        items.append(
            f"{len(few)} rows of the sampling study rest on fewer than ten seeds so far; the study "
            "goes on where it stopped (`pointillist study sampling`)."
        )
    return Section("Limits", [BulletList(items)])
