"""Experiment 2 of the reference study: where do points lie? `python experiments/exp2_sampling.py`.

Runs what is not yet recorded, prints the table of paired comparisons with random points.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich import print as show

from pointillist.errors import PointillistError
from pointillist.studies import render_lines, run_study
from pointillist.studies.evidence import Evidence
from pointillist.studies.figures import draw_sampling, to_svg

RECORDS = Path(__file__).parents[1] / "studies" / "records"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--figure", type=Path, help="SVG file")
    args = parser.parse_args()

    show(render_lines(run_study("sampling", args.seeds, args.records, n_workers=args.workers)))

    figure = draw_sampling(Evidence(args.records))
    if args.figure is not None and figure is not None:
        args.figure.write_bytes(to_svg(figure))


if __name__ == "__main__":
    try:
        main()
    except PointillistError as error:
        sys.exit(f"Error: {error}")
