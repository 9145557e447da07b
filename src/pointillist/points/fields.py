"""Which field holds the class, and which class each value means."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointillist.errors import ClassFieldError, LegendError, PointsError
from pointillist.legend import Legend, LegendClass

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

MAX_CLASSES = 1000
_MISSING = {"", "NA", "N/A", "nan", "NaN", "NAN", "NaT", "NULL", "Null", "null", "<NA>", "<Null>"}


@dataclass(frozen=True)
class ClassValues:
    """The class column of a file: the distinct values as text, and which of them each row has.

    Args:
        names: Distinct values, in order of first appearance.
        which: (N,) position in `names`, −1 where the class is missing.
        merged: Spellings of one class, as in `'land' (12) as 'Land' (40)`.
    """

    names: tuple[str, ...]
    which: NDArray[np.int64]
    merged: tuple[str, ...] = ()

    @property
    def are_codes(self) -> bool:
        """Whether all values are whole numbers."""
        return all(name.lstrip("+-").isdigit() for name in self.names)

    def counts(self) -> NDArray[np.int64]:
        """Rows per distinct value."""
        return np.bincount(self.which[self.which >= 0], minlength=len(self.names)).astype(np.int64)


def choose_class_field(
    frame: GeoDataFrame | DataFrame, class_field: str | None = None, path: object = "points"
) -> str:
    """Find the field that holds the class.

    Args:
        frame: The features.
        class_field: The field that was asked for; case does not matter if no other field fits.
        path: Name of the file for messages.

    Returns:
        `class_field`, else the field named `class`, else the only text field.

    Raises:
        ClassFieldError: There is no such field, or no single candidate; lists the fields.
    """
    geometry = getattr(frame, "_geometry_column_name", None)
    fields = [str(f) for f in frame.columns if f != geometry]
    listed = ", ".join(fields) if fields else "none at all"
    wanted = "class" if class_field is None else class_field
    if wanted in fields:
        return wanted
    similar = [f for f in fields if f.casefold() == wanted.casefold()]
    if len(similar) == 1:
        return similar[0]
    if class_field is not None:
        raise ClassFieldError(
            f"Expected a field '{class_field}' in {path}, but its fields are: {listed}. "
            "Name one of them with --class-field."
        )
    texts = [] if similar else _text_fields(frame, fields)
    if len(texts) == 1:
        return texts[0]
    found = f"{len(similar or texts)} that fit ({', '.join(similar or texts)})"
    raise ClassFieldError(
        f"Expected a field named 'class' or a single text field in {path}, but it has "
        f"{found if similar or texts else 'neither'}. Its fields are: {listed}. "
        "Say which one holds the class with --class-field."
    )


def read_class_values(column: Series[Any], field: str, path: object = "points") -> ClassValues:
    """Read classes from a column of texts, numbers, bytes or categories.

    Whole numbers stored as floats lose their '.0'; spaces around names are dropped; spellings
    that differ in upper and lower case are one class, named as it is spelled most often.

    Raises:
        PointsError: More than `MAX_CLASSES` distinct values, or numbers with fractions.
    """
    which, distinct = _factorize(column)
    texts = [_as_text(v) for v in distinct]
    if _is_float(column):
        _refuse_fractions(texts, field, path)
    counts = np.bincount(which[which >= 0], minlength=len(texts))
    names, position = _merge_spellings(texts, counts)
    if len(names) > MAX_CLASSES:
        raise PointsError(
            f"Expected at most {MAX_CLASSES} classes, but field '{field}' of {path} has "
            f"{len(names):,} different values ({', '.join(names[:3])}, …). "
            "Name the field that holds the class with --class-field."
        )
    table = np.append(position, -1)
    return ClassValues(tuple(names), table[which], _describe_merged(texts, counts, names, position))


def index_classes(values: ClassValues, legend: Legend) -> NDArray[np.int64]:
    """Class index (N,) of each row; −1 where the class is missing, −2 where unknown to `legend`."""
    known = [legend.index_of(name) for name in values.names]
    table = np.array([*(-2 if k is None else k for k in known), -1], dtype=np.int64)
    return table[values.which]


def legend_of_values(names: Iterable[str], recorded: Legend | None = None) -> Legend:
    """Make the legend of class values found in points.

    Args:
        names: Values as text.
        recorded: Legend kept with the file: its codes and colours are used for the values it
            knows, further values get the next free codes.
    """
    distinct = list(dict.fromkeys(names))
    if recorded is None:
        return Legend.from_values(distinct)
    indices = {name: recorded.index_of(name) for name in distinct}
    kept = [c for i, c in enumerate(recorded.classes) if i in indices.values()]
    new = sorted(name for name, index in indices.items() if index is None)
    return Legend((*kept, *recorded.extended(new).classes[len(recorded) :]))


def merge_legends(legends: Sequence[Legend], sources: Sequence[str] | None = None) -> Legend:
    """Join legends whose classes agree, sorted by code.

    Args:
        legends: At least one.
        sources: Where each comes from, for messages.

    Raises:
        LegendError: A code stands for two names, or a name has two codes.
    """
    labels = [f"legend {i + 1}" for i in range(len(legends))] if sources is None else list(sources)
    by_code: dict[int, tuple[LegendClass, str]] = {}
    by_name: dict[str, tuple[LegendClass, str]] = {}
    for legend, source in zip(legends, labels, strict=True):
        for c in legend.classes:
            other, there = by_code.setdefault(c.code, (c, source))
            if other.name.casefold() != c.name.casefold():
                raise LegendError(
                    f"Expected one meaning per class code, but {c.code} is '{other.name}' in "
                    f"{there} and '{c.name}' in {source}. Give one legend for all with --legend."
                )
            other, there = by_name.setdefault(c.name.casefold(), (c, source))
            if other.code != c.code:
                raise LegendError(
                    f"Expected one code per class, but '{c.name}' is {other.code} in {there} and "
                    f"{c.code} in {source}. Give one legend for all with --legend."
                )
    return Legend(tuple(by_code[code][0] for code in sorted(by_code)))


def _factorize(column: Series[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Positions of each row in the distinct values; −1 where missing."""
    import pandas as pd

    try:
        which, distinct = pd.factorize(column)
    except TypeError:  # lists and the like have no hash
        which, distinct = pd.factorize(column.map(str))
    return np.asarray(which, dtype=np.int64), list(distinct)


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).decode("utf-8", errors="replace").rstrip("\x00")
    if isinstance(value, float | np.floating) and np.isfinite(value) and value == int(value):
        value = int(value)
    return unicodedata.normalize("NFC", str(value).strip())  # some systems write ü as u and ¨


def _merge_spellings(
    texts: Sequence[str], counts: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct names, and the position of each text among them (−1 for missing ones)."""
    groups: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        if text not in _MISSING:
            groups.setdefault(text.casefold(), []).append(i)
    position = np.full(len(texts), -1, dtype=np.int64)
    names = []
    for at, members in enumerate(groups.values()):
        position[members] = at
        names.append(texts[max(members, key=lambda i: int(counts[i]))])
    return names, position


def _describe_merged(
    texts: Sequence[str],
    counts: NDArray[np.int64],
    names: Sequence[str],
    position: NDArray[np.int64],
) -> tuple[str, ...]:
    rows = dict.fromkeys(texts, 0)
    for text, count in zip(texts, counts, strict=True):
        rows[text] += int(count)
    meant = {t: names[at] for t, at in zip(texts, position, strict=True) if at >= 0}
    return tuple(
        f"'{text}' ({rows[text]:,}) as '{name}' ({rows[name]:,})"
        for text, name in meant.items()
        if text != name
    )


def _refuse_fractions(texts: Sequence[str], field: str, path: object) -> None:
    fractions = [t for t in texts if t not in _MISSING and not t.lstrip("+-").isdigit()]
    if fractions:
        raise PointsError(
            f"Expected class names or whole numbers, but field '{field}' of {path} holds "
            f"{fractions[0]}. Name the field that holds the class with --class-field."
        )


def _text_fields(frame: GeoDataFrame | DataFrame, fields: Sequence[str]) -> list[str]:
    """Fields of text; wholly empty ones count only where there is no other."""
    texts = [f for f in fields if _is_text(frame[f])]
    return [f for f in texts if bool(frame[f].notna().any())] or texts


def _is_text(column: Series[Any]) -> bool:
    from pandas.api import types

    if isinstance(column.dtype, types.CategoricalDtype):
        return not types.is_numeric_dtype(column.cat.categories.dtype)
    if column.dtype == object:
        kinds = types.infer_dtype(column, skipna=True)
        return kinds in {"string", "empty", "bytes", "mixed"}
    return bool(types.is_string_dtype(column.dtype))


def _is_float(column: Series[Any]) -> bool:
    from pandas.api import types

    return bool(types.is_float_dtype(column.dtype))
