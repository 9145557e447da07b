"""Experiments by the protocols: each run appends one record, nothing is edited afterwards."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pointillist.studies.records import append_record, read_records

if TYPE_CHECKING:
    from pointillist.studies.named import STUDIES as STUDIES
    from pointillist.studies.named import find_study as find_study
    from pointillist.studies.places import Folders as Folders
    from pointillist.studies.tables import read_lines as read_lines
    from pointillist.studies.tables import render_lines as render_lines
    from pointillist.studies.tables import run_study as run_study

# torch is imported when a study is run
_LATER = {
    "STUDIES": "named",
    "find_study": "named",
    "Folders": "places",
    "read_lines": "tables",
    "render_lines": "tables",
    "run_study": "tables",
}

__all__ = [
    "STUDIES",
    "Folders",
    "append_record",
    "find_study",
    "read_lines",
    "read_records",
    "render_lines",
    "run_study",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"pointillist.studies.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
