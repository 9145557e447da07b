"""Losses for images of which only a few pixels are labelled."""

from pointillist.losses.logit_adjustment import LogitAdjustedLoss
from pointillist.losses.partial_cross_entropy import (
    NORMALISATIONS,
    PartialCrossEntropyLoss,
    partial_cross_entropy,
)

__all__ = [
    "NORMALISATIONS",
    "LogitAdjustedLoss",
    "PartialCrossEntropyLoss",
    "partial_cross_entropy",
]
