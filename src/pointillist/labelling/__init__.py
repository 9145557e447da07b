"""Labelling: what the app does that is not web: scene at every scale, labels, quick map, jobs."""

from __future__ import annotations

from pointillist.labelling.picture import encode_classes, encode_uncertainty
from pointillist.labelling.project import Project, ScenePlace, find_places
from pointillist.labelling.pyramid import TILE_PX
from pointillist.labelling.session import LabelSession

__all__ = [
    "TILE_PX",
    "LabelSession",
    "Project",
    "ScenePlace",
    "encode_classes",
    "encode_uncertainty",
    "find_places",
]
