"""The figures of the study, each made from the records and from nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pointillist.accuracy.learning_curve import Curve
from pointillist.scenes import CLASSIC_LEGEND
from pointillist.studies import reference
from pointillist.studies.evidence import Evidence
from pointillist.studies.naming import ON_SCENES, is_main
from pointillist.studies.statistics import Mean, mean_over_seeds
from pointillist.studies.tables import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, OURS, THEIRS = "#1f2933", "#0b6e69", "#c2571a"
_STYLES = {
    "simple": ("#7b8794", "s"), "spread": ("#0b6e69", "^"),
    "interior": ("#8e44ad", "D"), "pseudo-stratified": ("#c2571a", "v"),
}  # fmt: skip


@contextmanager
def canvas(width: float, height: float, **options: Any) -> Iterator[tuple[Figure, Any]]:
    """A figure in the report's look; a fixed salt makes the same figure the same file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    look: dict[Any, Any] = {
        "font.family": "DejaVu Sans", "font.size": 8.5, "axes.spines.top": False,
        "axes.spines.right": False, "axes.edgecolor": INK, "axes.labelcolor": INK,
        "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": True,
        "grid.color": "#e4e7eb", "grid.linewidth": 0.6, "axes.axisbelow": True,
        "legend.frameon": False, "svg.hashsalt": "pointillist", "svg.fonttype": "path",
        "lines.linewidth": 1.3,
    }  # fmt: skip
    with mpl.rc_context(look):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(**options)


def to_svg(figure: Figure) -> bytes:
    """The figure as SVG; the same figure gives the same bytes."""
    import matplotlib as mpl

    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "pointillist", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def draw_density(evidence: Evidence, curve: Curve | None) -> Figure | None:
    """Mean IoU against points per image, both ways of counting, with the reference's figures."""
    lines = evidence.table("density")
    if not lines:
        return None
    with canvas(6.4, 3.3) as (figure, axes):
        for kind, colour, marker in (("class", OURS, "o"), ("image", "#7b8794", "s")):
            chosen = [line for line in lines if line.row.name.endswith(f"per {kind}")]
            chosen.sort(key=lambda line: line.row.cell.points_per_image)
            _intervals(
                axes,
                [line.row.cell.points_per_image for line in chosen],
                [line.miou for line in chosen],
                color=colour,
                marker=marker,
                label=f"points per {kind}, random initialisation",
            )
        stated = reference.DENSITY
        axes.plot([5 * n for n in stated], [v[0] for v in stated.values()], "x", color=THEIRS,
                  label="reference study, ImageNet weights, one seed")  # fmt: skip
        full = evidence.values("baselines", "full masks")
        if full:
            axes.axhline(float(np.mean(full)), color=INK, linestyle="--", linewidth=0.9)
            axes.text(5, float(np.mean(full)), "full masks", va="bottom", fontsize=7.5)
        if curve is not None:
            n = np.geomspace(5, 1000, 100)
            axes.plot(n, curve.score(n), color=OURS, linewidth=0.9, alpha=0.5, label="fitted curve")
        axes.set_xscale("log")
        ticks = [5, 10, 25, 50, 100, 250, 500, 1000]
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.minorticks_off()
        axes.set_xlabel("labelled points per image of 128×128 pixels (log scale)")
        axes.set_ylabel("mean IoU")
        axes.legend(loc="lower right", fontsize=7.5)
    return figure


def _intervals(
    axes: Axes, at: Sequence[float], means: Sequence[Mean], least: int = 2, **style: Any
) -> None:
    """Means with their intervals; those of fewer than `least` seeds without."""
    values = np.array([mean.value for mean in means])
    low = np.array([mean.value - mean.low if mean.n >= least else 0.0 for mean in means])
    high = np.array([mean.high - mean.value if mean.n >= least else 0.0 for mean in means])
    style = {"linestyle": "none", "markersize": 4, "capsize": 2.5, **style}
    axes.errorbar(at, values, yerr=[low, high], **style)


def draw_sampling(evidence: Evidence) -> Figure | None:
    """Difference of each strategy to as many random points per class, with intervals."""
    lines = [line for line in evidence.table("sampling") if line.comparison is not None]
    if not lines:
        return None
    with canvas(6.4, 3.0) as (figure, axes):
        kinds = ("simple", "spread", "interior", "pseudo-stratified")
        for i, kind in enumerate(kinds):
            chosen = [line for line in lines if strategy_of(line) == kind]
            at = [line.row.cell.points_per_image // 5 * 1.0 for line in chosen]
            shifted = [x * (1 + 0.055 * (i - 1.5)) for x in at]
            differences = [line.comparison.difference for line in chosen if line.comparison]
            colour, marker = _STYLES[kind]
            label = "simple random (as many in total)" if kind == "simple" else kind
            _intervals(axes, shifted, differences, color=colour, marker=marker, label=label)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        axes.minorticks_off()
        axes.set_xlabel("points per class (log scale)")
        axes.set_ylabel("mean IoU minus that of random")
        axes.legend(fontsize=7.5)
    return figure


def strategy_of(line: Line) -> str:
    """The strategy of a row of the sampling study; empty for random points per class."""
    parts = line.row.name.split(", ")
    if parts[0].endswith("per image"):
        return "simple"
    return parts[1] if len(parts) > 1 else ""


def draw_bars(lines: Sequence[Line], stated: bool = True) -> Figure | None:
    """Mean IoU of rows as dots with intervals, best first; the reference's figure as a cross."""
    if not lines:
        return None
    ordered = sorted(lines, key=lambda line: line.miou.value)
    with canvas(6.4, 0.6 + 0.26 * len(ordered)) as (figure, axes):
        for y, line in enumerate(ordered):
            mean = line.miou
            low, high = (mean.low, mean.high) if mean.n > 1 else (mean.value, mean.value)
            axes.plot([low, high], [y, y], color=OURS, linewidth=1.6)
            axes.plot(mean.value, y, "o", color=OURS, markersize=4.5)
            if stated and line.stated is not None:
                axes.plot(line.stated, y, "x", color=THEIRS, markersize=6)
        axes.set_yticks(range(len(ordered)), [line.row.name for line in ordered])
        axes.set_xlabel("mean IoU (× the reference study's figure)" if stated else "mean IoU")
        axes.grid(axis="y", visible=False)
    return figure


def draw_classes(evidence: Evidence) -> Figure | None:
    """IoU, precision and recall by class of 200 points per image, beside the reference's."""
    found = {
        name: evidence.by_class("density", "200 per image", name)
        for name in ("iou", "precision", "recall")
    }
    if any(table is None for table in found.values()):
        return None
    names = CLASSIC_LEGEND.names
    with canvas(6.4, 2.5, ncols=3, sharey=True, gridspec_kw={"wspace": 0.1}) as (figure, axes):
        for k, (name, table) in enumerate(found.items()):
            assert table is not None
            panel = axes[k]
            for c in range(len(names)):
                mean = mean_over_seeds(table[:, c].tolist())
                r, g, b = CLASSIC_LEGEND.colors[c]
                colour = (r / 255, g / 255, b / 255)
                if mean.n > 1:
                    panel.plot([mean.low, mean.high], [c, c], color=colour, linewidth=2)
                panel.plot(mean.value, c, "o", color=colour, markersize=5)
                panel.plot(reference.PER_CLASS[names[c]][k], c, "x", color=INK, markersize=5)
            panel.set_title("IoU" if name == "iou" else name, fontsize=9)
            panel.set_yticks(range(len(names)), names)
            panel.locator_params(axis="x", nbins=4)
            panel.margins(x=0.08)
            if k == 0:
                panel.set_ylim(len(names) - 0.5, -0.5)  # shared; the first class on top
            panel.grid(axis="y", visible=False)
        figure.supxlabel("● this project, 200 points per image   × reference study", fontsize=8)
    return figure


_COLOURS_ON_SCENES = {"forest": "#7b8794", "unet": "#d08c3c", "stack": OURS}


def draw_real(lines: Sequence[Line]) -> Figure | None:
    """P-scene: mean IoU against points, a panel per scene."""
    if not lines:
        return None
    scenes = list(dict.fromkeys(line.row.cell.scene for line in lines))
    with canvas(6.4, 2.8, ncols=len(scenes), sharey=True, squeeze=False) as (figure, axes):
        for panel, scene in zip(axes[0], scenes, strict=True):
            for recipe, colour in _COLOURS_ON_SCENES.items():
                for design, marker in (("simple", "o"), ("balanced", "^")):
                    chosen = sorted(
                        (
                            line
                            for line in lines
                            if line.row.cell.scene == scene
                            and line.row.cell.recipe == recipe
                            and line.row.cell.design == design
                            and is_main(line.row.cell)
                        ),
                        key=lambda line: line.row.cell.n_points,
                    )
                    if not chosen:
                        continue
                    _intervals(
                        panel,
                        [line.row.cell.n_points for line in chosen],
                        [line.miou for line in chosen],
                        least=3,  # of two it would be taller than the panel
                        color=colour,
                        marker=marker,
                        linestyle="-" if design == "simple" else ":",
                        label=f"{ON_SCENES[recipe]}, {design}",
                    )
            panel.set_xscale("log")
            panel.set_xticks([100, 300, 1000], ["100", "300", "1000"])
            panel.minorticks_off()
            panel.set_title(scene, fontsize=9)
        axes[0][0].set_ylabel("mean IoU")
        figure.supxlabel("labelled points on the scene (log scale)", fontsize=8.5)
        handles: dict[str, Any] = {}
        for panel in axes[0]:
            for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        figure.legend(handles.values(), handles, loc="outside upper center", ncols=3, fontsize=7.5)
    return figure
