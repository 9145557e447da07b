"""Experiment 1 of the reference study: how many points? `python experiments/exp1_point_density.py`.

Runs what is not yet recorded, prints the table with intervals, draws the learning curve.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich import print as show

from pointillist.errors import PointillistError
from pointillist.studies import render_lines, run_study
from pointillist.studies.evidence import Evidence
from pointillist.studies.figures import draw_density, to_svg
from pointillist.studies.findings import fit_density

RECORDS = Path(__file__).parents[1] / "studies" / "records"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--figure", type=Path, help="SVG file")
    args = parser.parse_args()

    show(render_lines(run_study("density", args.seeds, args.records, n_workers=args.workers)))

    evidence = Evidence(args.records)
    curves, budgets = fit_density(evidence)
    for design, found in budgets.items():
        for budget in found:
            print(
                f"{budget.share:.0%} of full quality, points {design}: {budget.points:.0f} per "
                f"image ({budget.low:.0f} to {budget.high:.0f})"
            )
    figure = draw_density(evidence, curves)
    if args.figure is not None and figure is not None:
        args.figure.write_bytes(to_svg(figure))


if __name__ == "__main__":
    try:
        main()
    except PointillistError as error:
        sys.exit(f"Error: {error}")
