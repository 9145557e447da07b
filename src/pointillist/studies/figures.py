"""The figures of the study, each made from the records and from nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
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

INK, OURS, THEIRS, QUIET = "#1f2933", "#0b6e69", "#c2571a", "#7b8794"
# Of fewer seeds an interval is taller than what it would tell.
LEAST_SEEDS = 3


@contextmanager
def canvas(width: float, height: float, **options: Any) -> Iterator[tuple[Figure, Any]]:
    """A figure in the report's look; a fixed salt makes the same figure the same file.

    It has no ground of its own and its grid is thin ink, so that it can be shown in the dark.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    look: dict[Any, Any] = {
        "font.family": "DejaVu Sans", "font.size": 8.5, "axes.spines.top": False,
        "axes.spines.right": False, "axes.edgecolor": INK, "axes.labelcolor": INK,
        "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": True,
        "grid.color": INK, "grid.alpha": 0.13, "grid.linewidth": 0.6, "axes.axisbelow": True,
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
        figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    return out.getvalue()


def _intervals(
    axes: Axes, at: Sequence[float], means: Sequence[Mean], *, across: bool = False, **style: Any
) -> None:
    """Means with their intervals, upright or across; no interval of fewer than three seeds."""
    values = np.array([mean.value for mean in means])
    enough = np.array([mean.n >= LEAST_SEEDS for mean in means], dtype=bool)
    ends = np.array([(mean.low, mean.high) for mean in means]).reshape(-1, 2).T
    lengths = np.where(enough, np.abs(ends - values), 0.0)
    style = {"linestyle": "none", "markersize": 4, "capsize": 2.5, **style}
    if across:
        axes.errorbar(values, at, xerr=lengths, **style)
    else:
        axes.errorbar(at, values, yerr=lengths, **style)


def _shares(means: Sequence[Mean]) -> list[Mean]:
    """Means of a figure that cannot leave 0…1, nor can their intervals."""
    return [
        Mean(mean.value, max(mean.low, 0.0), min(mean.high, 1.0), mean.n)
        if mean.n >= LEAST_SEEDS
        else mean
        for mean in means
    ]


def _handle(label: str, **style: Any) -> Any:
    """An entry of a legend: the mark, without the caps of an interval."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **{"markersize": 4, "linestyle": "none", **style})


_REFERENCE: dict[str, Any] = {"marker": "x", "color": THEIRS, "markersize": 5, "linestyle": "none"}
_DESIGNS = {
    "per class": (OURS, "o", "random per class"),
    "per image": (QUIET, "s", "simple random"),
}


def draw_density(evidence: Evidence, curves: Mapping[str, Curve] | None) -> Figure | None:
    """Mean IoU against points per image, both ways of counting, with the reference's figures.

    Args:
        evidence: The records.
        curves: Learning curves by design, `per class` and `per image`; may hold one or none.
    """
    lines = evidence.table("density")
    if not lines:
        return None
    curves = curves or {}
    handles = []
    with canvas(6.4, 3.3) as (figure, axes):
        for design, (colour, marker, label) in _DESIGNS.items():
            chosen = [line for line in lines if line.row.name.endswith(design)]
            if not chosen:
                continue
            at = [float(line.row.cell.points_per_image) for line in chosen]
            _intervals(
                axes, at, _shares([line.miou for line in chosen]), color=colour, marker=marker
            )
            curve = curves.get(design)
            if curve is not None:
                n = np.geomspace(min(at), max(at), 100)
                axes.plot(n, curve.score(n), color=colour, linewidth=0.9, alpha=0.7)
            handles.append(
                _handle(
                    label if curve is None else f"{label}, with fitted curve",
                    color=colour, marker=marker, linestyle="none" if curve is None else "-",
                    linewidth=0.9,
                )
            )  # fmt: skip
        stated = {5 * n: miou for n, (miou, _) in reference.DENSITY.items()}
        stated[200] = reference.FINAL[0]
        axes.plot(list(stated), list(stated.values()), **_REFERENCE)
        handles.append(_handle("reference study, ImageNet weights, one seed", **_REFERENCE))
        full = evidence.values("baselines", "full masks")
        if full:
            axes.axhline(float(np.mean(full)), color=INK, linestyle="--", linewidth=0.9)
            axes.text(5, float(np.mean(full)), "full masks", va="bottom", fontsize=7.5)
        axes.set_xscale("log")
        ticks = [5, 10, 20, 50, 100, 200, 500, 1000]
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.minorticks_off()
        axes.set_xlabel("labelled points per image of 128×128 pixels (log scale)")
        axes.set_ylabel("mean IoU")
        axes.legend(handles=handles, loc="lower right", fontsize=7.5)
    return figure


_STRATEGIES = {
    "simple": (QUIET, "s", "simple random (as many in total)"), "spread": (OURS, "^", "spread"),
    "pseudo-stratified": (THEIRS, "v", "pseudo-stratified"),
    "interior": ("#8e44ad", "D", "interior"),
}  # fmt: skip


def draw_sampling(evidence: Evidence) -> Figure | None:
    """Difference of each strategy to as many random points per class, with intervals.

    Interior points lose ten times what the others gain or lose: they have a scale of their own.
    """
    lines = [line for line in evidence.table("sampling") if line.comparison is not None]
    if not lines:
        return None
    by_kind = {kind: [line for line in lines if strategy_of(line) == kind] for kind in _STRATEGIES}
    near = [kind for kind in _STRATEGIES if kind != "interior" and by_kind[kind]]
    panels = [kinds for kinds in (near, ["interior"] * bool(by_kind["interior"])) if kinds]
    widths = [1.9, 1.0][: len(panels)]
    options = {"ncols": len(panels), "squeeze": False, "width_ratios": widths}
    with canvas(6.4, 2.9, **options) as (figure, grid):
        for axes, kinds in zip(grid[0], panels, strict=True):
            for i, kind in enumerate(kinds):
                colour, marker, _ = _STRATEGIES[kind]
                shift = 1 + 0.07 * (i - (len(kinds) - 1) / 2)
                _intervals(
                    axes,
                    [line.row.cell.points_per_image // 5 * shift for line in by_kind[kind]],
                    [line.comparison.difference for line in by_kind[kind] if line.comparison],
                    color=colour,
                    marker=marker,
                )
            axes.axhline(0, color=INK, linewidth=0.8)
            axes.set_xscale("log")
            axes.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
            axes.minorticks_off()
            axes.margins(x=0.08)
            if kinds == ["interior"]:
                axes.set_title("interior, on a scale of its own", fontsize=8.5)
        grid[0][0].set_ylabel("mean IoU minus that of random")
        figure.supxlabel("points per class (log scale)", fontsize=8.5)
        handles = [
            _handle(label, color=colour, marker=marker)
            for kind, (colour, marker, label) in _STRATEGIES.items()
            if by_kind[kind]
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=7.5)
    return figure


def strategy_of(line: Line) -> str:
    """The strategy of a row of the sampling study; empty for random points per class."""
    parts = line.row.name.split(", ")
    if parts[0].endswith("per image"):
        return "simple"
    return parts[1] if len(parts) > 1 else ""


# Colour, mark, and how far off its line, so that equal means do not hide each other.
_LEARNERS = {
    None: (OURS, "o", 0.0, "network"),
    "stack": ("#8e44ad", "D", -0.2, "network and forest"),
    "forest": ("#d08c3c", "^", 0.2, "forest"),
    "forest-pixels": (QUIET, "v", 0.0, "forest on pixel values"),
}


def draw_bars(lines: Sequence[Line], stated: bool = True) -> Figure | None:
    """Mean IoU of rows as dots with intervals; rows with the same labels lie on one line.

    Lines with the default training come first, in the order of their labels; below them what was
    trained otherwise. The reference study's figure is a cross.
    """
    if not lines:
        return None
    places = _places(lines)
    levels = dict(zip(dict.fromkeys(sorted(places.values())), range(len(lines)), strict=False))
    crosses = [line for line in lines if stated and line.stated is not None]
    with canvas(6.4, 0.95 + 0.225 * len(levels)) as (figure, axes):
        handles = []
        for recipe, (colour, marker, off, label) in _LEARNERS.items():
            chosen = [line for line in lines if line.row.cell.recipe == recipe]
            if chosen:
                at = [levels[places[line.row.name]] + off for line in chosen]
                means = _shares([line.miou for line in chosen])
                _intervals(axes, at, means, across=True, color=colour, marker=marker)
                handles.append(_handle(label, color=colour, marker=marker))
        if crosses:
            at = [levels[places[line.row.name]] for line in crosses]
            axes.plot([line.stated or 0.0 for line in crosses], at, **_REFERENCE)
            handles.append(_handle("reference study", **_REFERENCE))
        axes.set_yticks(list(levels.values()), [name for *_, name in levels])
        axes.set_ylim(len(levels) - 0.4, -0.6)
        usual = sum(not otherwise for otherwise, *_ in levels)
        if 0 < usual < len(levels):
            axes.axhline(usual - 0.5, color=INK, linewidth=0.6, linestyle=":")
        axes.set_xlabel("mean IoU")
        axes.grid(axis="y", visible=False)
        figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=7.5)
    return figure


def _places(lines: Sequence[Line]) -> dict[str, tuple[bool, float, str]]:
    """Where each row goes: whether it is trained otherwise, by how many labels, its line's name."""
    places = {}
    for i, line in enumerate(lines):
        cell, name = line.row.cell, line.row.name
        labels, _, rest = name.partition(", ")
        if rest and cell.recipe is None:
            places[name] = True, float(i), name
        else:
            full = cell.supervision == "full"
            places[name] = False, float("inf") if full else cell.points_per_image, labels
    return places


def draw_classes(evidence: Evidence) -> Figure | None:
    """IoU, precision and recall by class of 200 points per image, beside the reference's."""
    found = {
        name: evidence.by_class("density", "200 per image", name)
        for name in ("iou", "precision", "recall")
    }
    if any(table is None for table in found.values()):
        return None
    names = CLASSIC_LEGEND.names
    with canvas(6.4, 2.4, ncols=3, sharey=True, gridspec_kw={"wspace": 0.1}) as (figure, axes):
        for k, (name, table) in enumerate(found.items()):
            assert table is not None
            means = [mean_over_seeds(table[:, c].tolist()) for c in range(len(names))]
            panel, at = axes[k], list(range(len(names)))
            _intervals(panel, at, _shares(means), across=True, color=OURS, marker="o")
            panel.plot([reference.PER_CLASS[c][k] for c in names], at, **_REFERENCE)
            panel.set_title("IoU" if name == "iou" else name, fontsize=9)
            panel.set_yticks(at, names)
            panel.locator_params(axis="x", nbins=4)
            panel.margins(x=0.08)
            if k == 0:
                panel.set_ylim(len(names) - 0.5, -0.5)  # shared; the first class on top
            panel.grid(axis="y", visible=False)
        handles = [
            _handle("this project, 200 points per image", color=OURS, marker="o"),
            _handle("reference study", **_REFERENCE),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=7.5)
    return figure


_COLOURS_ON_SCENES = {"forest": QUIET, "unet": "#d08c3c", "stack": OURS}
_DESIGNS_ON_SCENES = {"simple": ("o", "-"), "balanced": ("^", ":")}


def draw_real(lines: Sequence[Line]) -> Figure | None:
    """P-scene: mean IoU against points, a panel per scene."""
    if not lines:
        return None
    scenes = list(dict.fromkeys(line.row.cell.scene for line in lines))
    handles: dict[str, Any] = {}
    with canvas(6.4, 2.8, ncols=len(scenes), sharey=True, squeeze=False) as (figure, axes):
        for panel, scene in zip(axes[0], scenes, strict=True):
            for recipe, design in product(_COLOURS_ON_SCENES, _DESIGNS_ON_SCENES):
                chosen = [
                    line
                    for line in lines
                    if (line.row.cell.scene, line.row.cell.recipe) == (scene, recipe)
                    and line.row.cell.design == design
                    and is_main(line.row.cell)
                ]
                if not chosen:
                    continue
                chosen.sort(key=lambda line: line.row.cell.n_points)
                marker, dashes = _DESIGNS_ON_SCENES[design]
                colour = _COLOURS_ON_SCENES[recipe]
                style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": dashes}
                at = [line.row.cell.n_points for line in chosen]
                _intervals(panel, at, _shares([line.miou for line in chosen]), **style)
                label = f"{ON_SCENES[recipe]}, {design}"
                handles.setdefault(label, _handle(label, **style))
            panel.set_xscale("log")
            panel.set_xticks([100, 300, 1000], ["100", "300", "1000"])
            panel.minorticks_off()
            panel.margins(x=0.16)  # the outer ticks of two panels would touch
            panel.set_title(scene, fontsize=9)
        axes[0][0].set_ylabel("mean IoU")
        figure.supxlabel("labelled points on the scene (log scale)", fontsize=8.5)
        figure.legend(
            handles=list(handles.values()), loc="outside upper center", ncols=3, fontsize=7.5
        )
    return figure
