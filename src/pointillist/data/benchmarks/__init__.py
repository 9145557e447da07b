"""Published data sets as their publishers lay them out, with simulated points."""

from pointillist.data.benchmarks.catalogue import (
    BENCHMARKS,
    DATA_SETS,
    count_images,
    fingerprint,
    open_benchmark,
    smallest_side,
)
from pointillist.data.benchmarks.dataset import BenchmarkDataset

__all__ = [
    "BENCHMARKS",
    "DATA_SETS",
    "BenchmarkDataset",
    "count_images",
    "fingerprint",
    "open_benchmark",
    "smallest_side",
]
