"""Multi-scale image features for the classical recipe, and the windows they are computed in."""

from pointillist.features.around_points import PointWindow, group_around
from pointillist.features.spec import FeatureSpec

__all__ = ["FeatureSpec", "PointWindow", "group_around"]
