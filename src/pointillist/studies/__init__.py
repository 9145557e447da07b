"""Experiments by the protocols: each run appends one record, nothing is edited afterwards."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pointillist.studies.records import append_record, read_records

if TYPE_CHECKING:
    from pointillist.studies.tables import STUDIES as STUDIES
    from pointillist.studies.tables import render_lines as render_lines
    from pointillist.studies.tables import run_study as run_study

_LATER = ("STUDIES", "render_lines", "run_study")

__all__ = ["STUDIES", "append_record", "read_records", "render_lines", "run_study"]


def __getattr__(name: str) -> Any:
    if name in _LATER:  # torch is imported when a study is run
        return getattr(import_module("pointillist.studies.tables"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
