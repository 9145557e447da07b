"""Losses for images of which only a few pixels are labelled."""

from pointillist.losses.affinity import AffinityKernel, GatedCrfLoss
from pointillist.losses.logit_adjustment import LogitAdjustedLoss
from pointillist.losses.partial_cross_entropy import (
    NORMALISATIONS,
    PartialCrossEntropyLoss,
    partial_cross_entropy,
)
from pointillist.losses.uncertain_points import UncertainPointsLoss

__all__ = [
    "NORMALISATIONS",
    "AffinityKernel",
    "GatedCrfLoss",
    "LogitAdjustedLoss",
    "PartialCrossEntropyLoss",
    "UncertainPointsLoss",
    "partial_cross_entropy",
]
