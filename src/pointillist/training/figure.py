"""The picture of a training: loss and held-out scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def draw_history(history: Sequence[dict[str, float]], path: Path) -> None:
    """Draw loss (left) and held-out scores (right) over the steps as PNG.

    Args:
        history: Rows with `step`, `loss` and, where points are held out, `heldout_accuracy` and
            `heldout_miou`.
        path: File to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.add_subplot()
    steps = [row["step"] for row in history]
    axes.plot(steps, [row["loss"] for row in history], color="#444444", label="training loss")
    axes.set(xlabel="step", ylabel="partial cross-entropy")
    axes.set_ylim(bottom=0)
    scored = [row for row in history if "heldout_accuracy" in row]
    lines = axes.get_lines()
    if scored:
        right = axes.twinx()
        at = [row["step"] for row in scored]
        for key, label, color in (
            ("heldout_accuracy", "held-out accuracy", "#1f77b4"),
            ("heldout_miou", "held-out mean IoU", "#d95f02"),
        ):
            right.plot(at, [row[key] for row in scored], color=color, label=label)
        right.set(ylabel="held-out score", ylim=(0, 1))
        lines = [*lines, *right.get_lines()]
        right.spines["top"].set_visible(False)
    axes.spines["top"].set_visible(False)
    axes.legend(handles=lines, frameon=False, loc="lower center", ncols=3, bbox_to_anchor=(0.5, 1))
    figure.savefig(path, dpi=150)
