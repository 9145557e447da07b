"""How good a map is: error matrix, accuracy figures and design-based estimates."""

from __future__ import annotations

from pointillist.accuracy.assess import assess, assess_census
from pointillist.accuracy.assessment import Assessment
from pointillist.accuracy.estimators import (
    AccuracyEstimates,
    Estimate,
    StratifiedSample,
    estimate,
)
from pointillist.accuracy.matrix import (
    ErrorMatrix,
    error_matrix,
    f1,
    iou,
    map_shares,
    mean_iou,
    overall_accuracy,
    present,
    producers_accuracy,
    reference_shares,
    users_accuracy,
)

__all__ = [
    "AccuracyEstimates",
    "Assessment",
    "ErrorMatrix",
    "Estimate",
    "StratifiedSample",
    "assess",
    "assess_census",
    "error_matrix",
    "estimate",
    "f1",
    "iou",
    "map_shares",
    "mean_iou",
    "overall_accuracy",
    "present",
    "producers_accuracy",
    "reference_shares",
    "users_accuracy",
]
