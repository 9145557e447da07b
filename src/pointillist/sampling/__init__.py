"""Where points lie: designs on masks and rasters, and the command `sample`."""

from pointillist.sampling.command import sample
from pointillist.sampling.designs import DESIGNS, draw_points
from pointillist.sampling.masks import (
    STRATEGIES,
    sample_point_labels,
    sample_points_per_class,
)

__all__ = [
    "DESIGNS",
    "STRATEGIES",
    "draw_points",
    "sample",
    "sample_point_labels",
    "sample_points_per_class",
]
