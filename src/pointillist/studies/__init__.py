"""Experiments by the protocols: each run appends one record, nothing is edited afterwards."""

from __future__ import annotations

from pointillist.studies.records import append_record, read_records

__all__ = ["append_record", "read_records"]
