"""Experiments by the protocols: each run appends one record, nothing is edited afterwards."""

from __future__ import annotations

from pointillist.studies.classic import ClassicCell, run_classic
from pointillist.studies.records import append_record, read_records
from pointillist.studies.scene import SceneCell, run_scene

__all__ = [
    "ClassicCell",
    "SceneCell",
    "append_record",
    "read_records",
    "run_classic",
    "run_scene",
]
