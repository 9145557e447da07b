"""Networks and forests: built, loaded, saved, and asked for class probabilities."""

from pointillist.models.card import ModelCard, Normalisation
from pointillist.models.edge_effect import EdgeEffect, measure_edge_effect
from pointillist.models.ensemble import EnsembleModel
from pointillist.models.network import (
    ARCHITECTURES,
    NetworkSpec,
    build_model,
    build_network,
    check_start,
)
from pointillist.models.openvino_core import openvino_core
from pointillist.models.store import load, points_of, read_header, save_model
from pointillist.models.threads import free_cores_only
from pointillist.models.trained import NetworkModel, TrainedModel

__all__ = [
    "ARCHITECTURES",
    "EdgeEffect",
    "EnsembleModel",
    "ModelCard",
    "NetworkModel",
    "NetworkSpec",
    "Normalisation",
    "TrainedModel",
    "build_model",
    "build_network",
    "check_start",
    "free_cores_only",
    "load",
    "measure_edge_effect",
    "openvino_core",
    "points_of",
    "read_header",
    "save_model",
]
