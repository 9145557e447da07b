"""How often 95 % intervals hold the truth: normal, score, and the one `assess` chooses.

    python benchmarks/interval_coverage.py [--draws 2000] [--record FILE.jsonl]

Samples are drawn from known error matrices: the published one of Olofsson et al. (2014) with its
allocation, and one with a rare class, of simple random samples and with equal numbers per class.
Every figure with an interval is judged, one record per design.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recording import record

from pointillist.accuracy.estimators import indicators, ratio
from pointillist.accuracy.intervals import choose_interval, critical_value, score_interval
from pointillist.accuracy.sample import StratifiedSample

Z = critical_value(0.95)
OLOFSSON = ([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]],
            [0.02, 0.015, 0.32, 0.645])  # fmt: skip
RARE = ([[300, 20, 15, 10, 0.5], [20, 500, 25, 30, 1], [30, 40, 100, 8, 0.2],
         [5, 15, 3, 150, 0.3], [0.2, 1, 0.1, 0.2, 30]], [0.2, 0.45, 0.13, 0.17, 0.05])  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A population of known errors and how it is sampled.

    Args:
        name: Of the record.
        matrix: Errors within each class of the map, in any unit.
        shares: Of the map's classes.
        n: Samples per class of the map, or in all where they are drawn without strata.
    """

    name: str
    matrix: Any
    shares: list[float]
    n: tuple[int, ...]

    @property
    def errors(self) -> NDArray[np.float64]:
        """(C, C) probability of a reference class, given the map's."""
        m = np.array(self.matrix, dtype=np.float64)
        return np.asarray(m / m.sum(axis=1, keepdims=True))

    def draw(self, rng: np.random.Generator) -> StratifiedSample:
        """One sample."""
        C, shares = len(self.shares), np.array(self.shares) / sum(self.shares)
        if len(self.n) == 1:
            counts = np.zeros((1, C + 1, C), dtype=np.int64)
            cells = (shares[:, None] * self.errors).ravel()
            counts[0, :C] = rng.multinomial(self.n[0], cells).reshape(C, C)
            return StratifiedSample(counts, np.ones(1))
        counts = np.zeros((C, C + 1, C), dtype=np.int64)
        for h in range(C):
            counts[h, h] = rng.multinomial(self.n[h], self.errors[h])
        return StratifiedSample(counts, shares * 1e7, tuple(map(str, range(C))), np.arange(C))


CASES = (
    Case("olofsson 2014, 640 stratified", *OLOFSSON, (75, 75, 165, 325)),
    Case("rare class, 300 simple", *RARE, (300,)),
    Case("rare class, 300 stratified, 60 each", *RARE, (60,) * 5),
)


def figures(C: int) -> Iterator[tuple[str, Any, Any]]:
    """Name, y and x of every ratio."""
    everything = np.ones((C + 1, C))
    yield "overall", np.eye(C + 1, C), everything
    for c in range(C):
        both, in_map, in_ref = indicators(C, c)
        yield f"users {c}", both, in_map
        yield f"producers {c}", both, in_ref
        yield f"iou {c}", both, in_map + in_ref - both
        yield f"area {c}", in_ref, everything


def _holds(limits: tuple[float, float], truth: float) -> bool:
    return bool(limits[0] <= truth <= limits[1])


def judge(case: Case, draws: int) -> dict[str, Any]:
    """Coverage of each figure by each interval."""
    rng, C = np.random.default_rng(5), len(case.shares)
    cells = np.zeros((C + 1, C))
    cells[:C] = np.array(case.shares)[:, None] / sum(case.shares) * case.errors
    held: dict[str, list[list[bool]]] = {}
    for _ in range(draws):
        sample = case.draw(rng)
        for name, y, x in figures(C):
            value, se, _ = ratio(sample, y, x)
            if se is None:
                continue
            truth = (cells * y).sum() / (cells * x).sum()
            score = score_interval(sample, y, x, sample.may_hold(x), Z)
            normal = (max(0.0, value - Z * se), min(1.0, value + Z * se))
            chosen, kind = choose_interval(value, se, score, Z)
            held.setdefault(name, []).append(
                [
                    *(_holds(limits, truth) for limits in (normal, score, chosen)),
                    kind == "score",
                ]
            )
    columns = ("normal", "score", "chosen", "score_used")
    return {
        name: dict(zip(columns, np.mean(rows, axis=0).round(4).tolist(), strict=True))
        for name, rows in held.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    error = round(float(np.sqrt(0.95 * 0.05 / options.draws)), 4)
    for case in CASES:
        facts = {"case": case.name, "draws": options.draws, "monte_carlo_error": error}
        coverage = judge(case, options.draws)
        record("interval coverage", {**facts, "coverage": coverage}, options.record, "numpy")


if __name__ == "__main__":
    main()
