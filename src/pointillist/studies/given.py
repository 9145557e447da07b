"""What a cell states beyond its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any


def find_given(cell: Any, names: Sequence[str]) -> dict[str, Any]:
    """Those of some fields of a cell, a data class, that have not their default."""
    return {
        field.name: value
        for field in fields(cell)
        if field.name in names and (value := getattr(cell, field.name)) != field.default
    }


def list_given(cell: Any, names: Sequence[str]) -> str:
    """The same in words: `steps: 9, setting: 'default'`; empty where there are none."""
    return ", ".join(f"{name}: {value!r}" for name, value in find_given(cell, names).items())
