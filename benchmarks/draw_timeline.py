"""Draw what `predict --trace` recorded: reading, computing and keeping of blocks, and the memory.

python benchmarks/draw_timeline.py TRACE.json FIGURE.svg
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

# A lane per thread, from top to bottom, and the spans it shows with their colours.
LANES = {
    "read": {"read": "#3b6ea5", "prepare": "#9dbbd8"},
    "compute": {"choose engine": "#b8b8b8", "infer": "#c8553d"},
    "keep": {"keep": "#588157"},
    "write": {"write": "#a3b18a"},
}


def draw(events: list[dict[str, Any]], figure_file: Path) -> None:
    """One lane per stage of the pipeline over time, memory below."""
    from matplotlib.figure import Figure

    spans = [event for event in events if event["ph"] == "X"]
    # what takes no time to speak of is drawn as a thin line, not left out
    thin = 0.003 * max(event["ts"] + event["dur"] for event in spans) / 1e6
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    lanes, memory = figure.subplots(2, sharex=True, height_ratios=[2, 1])
    for row, colors in enumerate(LANES.values()):
        for name, color in colors.items():
            own = [(e["ts"] / 1e6, max(e["dur"] / 1e6, thin)) for e in spans if e["name"] == name]
            if own:
                lanes.broken_barh(own, (row - 0.38, 0.76), color=color, linewidth=0, label=name)
    lanes.set_yticks(range(len(LANES)), list(LANES))
    lanes.invert_yaxis()
    lanes.tick_params(length=0)
    counters = [e for e in events if e["ph"] == "C"]
    memory.plot(
        [e["ts"] / 1e6 for e in counters],
        [e["args"]["MiB"] for e in counters], color="#444444", linewidth=1,
    )  # fmt: skip
    memory.set(
        xlabel="seconds since the engine was asked for", ylabel="memory (MiB)", ylim=(0, None)
    )
    for axes in (lanes, memory):
        axes.spines[["top", "right"]].set_visible(False)
    lanes.legend(frameon=False, fontsize=7, ncols=6, loc="lower right", bbox_to_anchor=(1, 1))
    figure.savefig(
        figure_file, dpi=150, metadata={"Date": None} if figure_file.suffix == ".svg" else None
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", type=Path, nargs="?")
    parser.add_argument("figure", type=Path, nargs="?")
    options = parser.parse_args()
    if options.trace is None or options.figure is None:
        print("Nothing to draw: name a trace and a figure.")  # `make bench` runs every script
        return
    draw(json.loads(options.trace.read_text())["traceEvents"], options.figure)


if __name__ == "__main__":
    main()
