"""A document that has every kind of block, as a report of the project would use them."""

from __future__ import annotations

import datetime
import io

import numpy as np
import pytest

from pointillist.report.document import (
    BulletList,
    Cell,
    CodeBlock,
    Document,
    Figure,
    FigureGrid,
    Formula,
    Note,
    PageBreak,
    Paragraph,
    Reference,
    Section,
    Subhead,
    Table,
    literal,
)

HOSTILE = (
    '<b>#let x=1</b> $a_1$ @ref *not* [@key] `code` \\"quoted" // /* " #{panic()} 100% & ~ -- ©'
)


def curves(text: bool = True) -> str:
    """An SVG as matplotlib writes it, with lettering as text or as outlines."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context({"svg.fonttype": "none" if text else "path", "svg.hashsalt": "x"}):
        canvas = Canvas(figsize=(6.4, 2.6), layout="constrained")
        axes = canvas.add_subplot()
        n = np.array([5, 10, 25, 50, 100, 200])
        for name, top in (("unet", 0.86), ("forest", 0.81)):
            axes.plot(n, top - 1.1 / n**0.9, marker="o", markersize=4, label=name)
        axes.set_xscale("log")
        axes.set_xlabel("Points per class")
        axes.set_ylabel("Overall accuracy")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


def patches(seed: int, size: int = 24) -> bytes:
    """A small PNG of square classes."""
    import matplotlib.image

    rng = np.random.default_rng(seed)
    colors = np.array([[31, 119, 60], [201, 178, 120], [44, 98, 160], [150, 60, 50]], np.uint8)
    index = rng.integers(0, 4, (size // 4, size // 4)).repeat(4, 0).repeat(4, 1)
    buffer = io.BytesIO()
    matplotlib.image.imsave(buffer, colors[index], format="png")
    return buffer.getvalue()


def claims() -> Table:
    subjects = ("Focal weighting", "A spread design", "Sparse logits", "The forest recipe")
    verdicts = (
        Cell("holds", "good", strong=True),
        Cell("in part", "mixed", strong=True),
        Cell("does not hold", "bad", strong=True),
        Cell("not tested", "quiet"),
    )
    rows = []
    for i in range(60):
        if i % 20 == 0:
            rows.append(Subhead(("Loss", "Sampling", "Speed")[i // 20]))
        text = (
            f"{subjects[i % 4]} raises the mean IoU by at least {1 + i % 5} points "
            + "where a class has fewer than ten labelled points. " * (1 + i % 3 // 2)
        )
        rows.append(
            (
                f"C{i + 1}",
                text,
                f"{0.5 * (i % 9) - 1:+.1f} ± {0.2 + i % 4 / 10:.1f}",
                verdicts[i % 4],
            )
        )
    return Table(
        columns=("Claim", "What was claimed", "Measured", "Verdict"),
        rows=rows,
        caption="Every claim, what was measured, and what follows.",
        alignments="llrl",
        widths=(0, 1, 0, 0),
        notes="Measured: change in percentage points with its 95 % interval over ten seeds.",
        label="tab-claims",
    )


@pytest.fixture(scope="session")
def report() -> Document:
    return make_report()


@pytest.fixture
def hostile() -> str:
    """What a class might be called by someone who wants to break out of the text."""
    return HOSTILE


@pytest.fixture
def svg() -> str:
    return curves()


@pytest.fixture
def png() -> bytes:
    return patches(0)


def make_report() -> Document:
    method = Section(
        "Method",
        (
            Paragraph(
                "Only labelled pixels enter the loss. Let $\\Omega$ be the pixels of a chip, "
                "$m_i \\in \\{0, 1\\}$ whether pixel $i$ is labelled, and $p_{i,c}$ the softmax of "
                "the network’s output $\\mathbf{z}_i \\in \\mathbb{R}^C$. The partial "
                "cross-entropy with focal weighting [@lin2017] is"
            ),
            Formula(
                r"\mathcal{L}_{\text{pCE}}(\theta) = -\frac{1}{\sum_{i \in \Omega} m_i} "
                r"\sum_{i \in \Omega} m_i \, w_{y_i} \left(1 - p_{i,y_i}\right)^{\gamma} "
                r"\log p_{i,y_i},",
                label="eq-loss",
            ),
            Paragraph(
                "where $\\gamma \\ge 0$ and $w_c$ weighs class $c$. With $\\gamma = 0$, [#eq-loss] "
                "is the cross-entropy at the points. Its gradient at an unlabelled pixel is "
                "*exactly* zero, which the tests assert for every loss in [#sec-losses]."
            ),
            Section(
                "Losses and formulas",
                (
                    Formula(
                        r"\hat{A}_k = A \sum_{j=1}^{C} W_j \frac{n_{jk}}{n_{j\cdot}}, \qquad "
                        r"\operatorname{se}(\hat{A}_k) = A \sqrt{\sum_{j} W_j^2 "
                        r"\frac{\hat{p}_{jk}(1 - \hat{p}_{jk})}{n_{j\cdot} - 1}}",
                        label="eq-area",
                    ),
                    Formula(
                        r"\begin{aligned} \hat{y}_i &= \argmax_{c} z_{i,c} \\ "
                        r"&= \argmax_c \max_{k \le K} \lVert f'_k(x) \rVert^2 + \int_0^1 g(t)\,dt "
                        r"\end{aligned}"
                    ),
                    Formula(
                        r"m_i = \begin{cases} 1 & \text{if pixel } i \text{ is labelled} \\ "
                        r"0 & \text{otherwise,} \end{cases} \qquad "
                        r"\binom{n}{k} \approx \overline{AB} + \underbrace{a + b}_{n}, \quad "
                        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}"
                    ),
                    Paragraph(
                        "The area estimator [#eq-area] follows [@olofsson2014; @stehman2019]; "
                        "the plain count of map pixels is biased wherever errors do not cancel."
                    ),
                ),
                "sec-losses",
            ),
            Section(
                "What is compared",
                (
                    BulletList(
                        (
                            "**Recipes**: `unet` (ResNet-34 encoder) and `forest`.",
                            "**Designs**, each with the same number of points:",
                            BulletList(
                                ("simple random, $n = 25$ per class;", "one per cell of a grid.")
                            ),
                            "**Densities** from 5 to 200 points per class; see [#fig-density].",
                        )
                    ),
                    BulletList(
                        ("Draw the points.", "Train.", "Judge on held-out blocks."), numbered=True
                    ),
                    CodeBlock(
                        "pointillist train scene.tif --points sites.gpkg --seed 1 --out runs/unet\n"
                        "pointillist predict runs/unet scene.tif --out map.tif   # <- one file"
                    ),
                    Note(
                        "Purposive points are no probability sample. **No design-based interval** "
                        "is printed from them anywhere in this report.",
                        title="What the intervals mean",
                    ),
                ),
            ),
        ),
    )
    results = Section(
        "Results",
        (
            Paragraph(
                "Accuracy rises steeply up to about 50 points per class and flattens after that "
                "([#fig-density]); the numbers are in [#tab-density]. Between recipes the "
                "difference is larger than between designs, which agrees with "
                "[@stehman2019, @breiman2001]. See also the "
                "[documentation](https://example.org/docs?a=1&b=2) and "
                "`pointillist.report.document.render_html(document)`."
            ),
            Figure(
                curves(),
                "Overall accuracy by number of points per class. Means of ten seeds on "
                "held-out blocks; the lines join means only to guide the eye.",
                "fig-density",
                width=0.9,
            ),
            Table(
                ("Points", "unet", "forest", "unet", "forest"),
                (
                    (5, 61.2, 58.8, 55.0, 49.7),
                    (25, 78.4, 74.1, 70.9, 66.3),
                    (100, "**84.9**", 79.6, Cell("79.2", strong=True), 71.8),
                    (200, "**85.6**", 80.7, Cell("80.0", "good", strong=True), 73.0),
                ),
                "Overall accuracy in percent, by number of points per class.",
                "rrrrr",
                groups=(("", 1), ("Classic", 2), ("Terrain", 2)),
                notes="Bold: best of the row in its scene.",
                label="tab-density",
            ),
            Section(
                "Names that look like code",
                (Paragraph(f"Class {literal(HOSTILE)} is shown as it is."),),
            ),
            Section(
                "Deeper",
                (
                    Section(
                        "A third level",
                        (
                            Paragraph(
                                "A paragraph "
                                + "with enough words to wrap at the margin " * 6
                                + "."
                            ),
                            Note(
                                ("One paragraph.", "And $x^2$."),
                                title="Limitation",
                                tone="mixed",
                            ),
                        ),
                    ),
                    Figure(
                        curves(False), "The same with outlined lettering.", floating=True, width=0.7
                    ),
                    Paragraph("Text flows around floating figures. " * 12),
                ),
            ),
        ),
    )
    panels = tuple(
        Figure(
            patches(i),
            ("Scene", "Truth", "Map after 10 points", "", "*unet*", "*forest*")[i],
            pixelated=True,
        )
        for i in range(6)
    )
    return Document(
        title="Land-cover maps from a few hundred labelled points",
        subtitle="What partial losses, sampling designs and suggestions are worth, measured",
        authors=("The Pointillist developers",),
        date=datetime.date(2026, 3, 3),
        imprint="Version 0.1 · MIT licence",
        abstract=(
            "Land-cover maps are usually learnt from densely labelled images, which are costly. "
            "We train segmentation networks from *a few hundred labelled points* with a loss "
            "that is evaluated at the points alone, and measure on held-out blocks how much "
            "accuracy each part of the method contributes: the loss, the sampling design, "
            "and the recipe.",
            "With 100 points per class the network reaches **84.9 %** overall accuracy.",
        ),
        sections=(
            Section(
                "Introduction",
                (
                    Paragraph(
                        "Point labels are cheap: a mapper places hundreds in an hour, whereas one "
                        "fully labelled chip takes as long [@olofsson2014]. This report asks how "
                        "far they go. Its claims are judged one by one in [#tab-claims] "
                        "([#app-claims])."
                    ),
                ),
            ),
            method,
            results,
        ),
        appendices=(
            Section("Claims", (claims(),), "app-claims"),
            Section(
                "Qualitative results",
                (
                    FigureGrid(
                        panels,
                        3,
                        "Six small pictures; each pixel is shown as a square.",
                        "fig-grid",
                    ),
                    PageBreak(),
                    Paragraph("After the page break; see [#fig-grid]."),
                ),
            ),
        ),
        references=(
            Reference(
                "breiman2001",
                "Breiman, L. (2001). Random forests. *Machine Learning* 45, 5–32.",
                "https://doi.org/10.1023/A:1010933404324",
            ),
            Reference(
                "lin2017",
                "Lin, T.-Y., Goyal, P., Girshick, R., He, K., Dollár, P. (2017). Focal loss for "
                "dense object detection. *ICCV*, 2980–2988.",
            ),
            Reference(
                "olofsson2014",
                "Olofsson, P., Foody, G. M., Herold, M., Stehman, S. V., Woodcock, C. E., "
                "Wulder, M. A. (2014). Good practices for estimating area and assessing accuracy "
                "of land change. *Remote Sensing of Environment* 148, 42–57.",
                "https://doi.org/10.1016/j.rse.2014.02.015",
            ),
            Reference(
                "stehman2019",
                "Stehman, S. V., Foody, G. M. (2019). Key issues in rigorous accuracy "
                "assessment of land cover products. *Remote Sensing of Environment* 231, 111199.",
            ),
            Reference("never", "An entry that nothing cites."),
        ),
    )
