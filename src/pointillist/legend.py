"""The classes of a map: code (written in files), name, colour, and index 0…C−1 (used inside)."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import LegendError, MissingFileError, in_one_line

Color = tuple[int, int, int]

# Colours people expect of a class, by a word in its name; else the next of the palette below.
_NAMED_COLORS: tuple[tuple[str, Color], ...] = (
    (r"water|river|lake|sea|wasser", (58, 110, 190)),
    (r"urban|building|built|settlement|city|town", (200, 60, 50)),
    (r"road|street|asphalt", (120, 120, 120)),
    (r"forest|wood|tree", (30, 100, 45)),
    (r"vegetation|grass|herb|pasture|meadow|shrub", (110, 175, 75)),
    (r"crop|field|agri|arable|farm", (225, 190, 90)),
    (r"soil|bare|barren|land|sand|rock", (190, 150, 105)),
    (r"cloud|snow|ice", (235, 235, 240)),
    (r"wetland|marsh|swamp|mangrove", (90, 160, 160)),
    (r"burn|damage|destroyed", (110, 40, 90)),
)
_PALETTE: tuple[Color, ...] = (
    (228, 120, 30), (120, 90, 180), (230, 85, 150), (0, 150, 130), (170, 200, 40), (100, 60, 40),
    (250, 200, 60), (70, 160, 220), (160, 30, 90), (140, 140, 60), (50, 50, 110), (200, 160, 220),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LegendClass:
    """One class.

    Args:
        code: Number written in maps, 0…65534.
        name: What people call it, not empty.
        color: Red, green, blue, 0…255.
    """

    code: int
    name: str
    color: Color


@dataclass(frozen=True)
class Legend:
    """The classes in the order of their index.

    Args:
        classes: At least one; codes and names are unique.

    Raises:
        LegendError: Codes or names that clash or are out of range.
    """

    classes: tuple[LegendClass, ...]

    def __post_init__(self) -> None:
        if not self.classes:
            raise LegendError("Expected a legend with at least one class, got none.")
        _refuse_repeats("code", [c.code for c in self.classes])
        _refuse_repeats("name", [c.name for c in self.classes])
        for c in self.classes:
            if not 0 <= c.code <= 65534:
                raise LegendError(
                    f"Expected class codes between 0 and 65534, got {c.code} for '{c.name}'. "
                    "Give the class another code in the legend."
                )
            if not c.name.strip():
                raise LegendError(f"Expected a name for class {c.code}, got an empty one.")
            if len(c.color) != 3 or not all(0 <= v <= 255 for v in c.color):
                raise LegendError(
                    f"Expected a colour of three numbers 0…255 for '{c.name}', got {c.color}."
                )

    @classmethod
    def from_names(
        cls,
        names: Sequence[str],
        codes: Sequence[int] | None = None,
        colors: Sequence[Color] | None = None,
    ) -> Self:
        """Make a legend from names; codes count from 1 and colours are chosen where not given."""
        codes = list(range(1, len(names) + 1)) if codes is None else list(codes)
        colors = choose_colors(names) if colors is None else list(colors)
        rows = zip(codes, names, colors, strict=True)
        return cls(tuple(LegendClass(int(k), str(n), c) for k, n, c in rows))

    @classmethod
    def from_values(cls, values: Iterable[object]) -> Self:
        """Derive a legend from class values: numbers become codes, texts are sorted and numbered.

        Numeric values (also texts that are all whole numbers) keep their value as code and name.
        Missing ones (None, NaN, empty texts) are left out.
        """
        distinct = {str(v).strip() for v in values if not _is_missing(v)}
        if not distinct:
            raise LegendError("Expected at least one class value to make a legend from, got none.")
        as_codes = [_as_code(v) for v in distinct]
        if all(code is not None for code in as_codes):
            codes = sorted({code for code in as_codes if code is not None})
            return cls.from_names([str(c) for c in codes], codes)
        return cls.from_names(sorted(distinct))

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes by index."""
        return tuple(c.code for c in self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names by index."""
        return tuple(c.name for c in self.classes)

    @property
    def colors(self) -> tuple[Color, ...]:
        """Colours by index."""
        return tuple(c.color for c in self.classes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a map with these codes: uint8, or uint16 where a code exceeds 254."""
        return np.dtype(np.uint8) if max(self.codes) <= 254 else np.dtype(np.uint16)

    @property
    def nodata(self) -> int:
        """Value of a map where there is no class: the type's maximum, never a class code."""
        return int(np.iinfo(self.dtype).max)

    def extended(self, names: Sequence[str]) -> Legend:
        """The legend with further classes, whose codes follow the highest."""
        if not names:
            return self
        colors = choose_colors([*self.names, *names])[len(self) :]
        first = max(self.codes) + 1
        added = (LegendClass(first + i, n, colors[i]) for i, n in enumerate(names))
        return Legend((*self.classes, *added))

    def index_of(self, value: object) -> int | None:
        """Index of a class given by name (case does not matter) or code; None if unknown."""
        text = str(value).strip()
        for i, c in enumerate(self.classes):
            if c.name == text:
                return i
        code = _as_code(text)
        for i, c in enumerate(self.classes):
            if _folded(c.name) == _folded(text) or (code is not None and c.code == code):
                return i
        return None

    def to_codes(self, indices: ArrayLike) -> NDArray[Any]:
        """Codes of class indices; −1 (unlabelled) becomes `nodata`. Any shape."""
        table = np.array([*self.codes, self.nodata], dtype=self.dtype)
        codes: NDArray[Any] = table[np.asarray(indices)]
        return codes

    def to_indices(self, codes: ArrayLike) -> NDArray[np.int16]:
        """Class indices of codes; values that are no class become −1. Any shape, whole numbers."""
        values = np.asarray(codes)
        if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
            table = np.full(np.iinfo(values.dtype).max + 1, -1, dtype=np.int16)
            held = [(c, i) for i, c in enumerate(self.codes) if c < len(table)]
            table[[c for c, _ in held]] = [i for _, i in held]
            return np.asarray(table[values])  # twenty times as fast as a search
        order = np.argsort(self.codes)
        known = np.asarray(self.codes)[order]
        at = np.clip(np.searchsorted(known, values), 0, len(known) - 1)
        return np.where(known[at] == values, order[at], -1).astype(np.int16)

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain data for YAML, JSON or model metadata."""
        return [
            {"code": c.code, "name": c.name, "color": "#{:02x}{:02x}{:02x}".format(*c.color)}
            for c in self.classes
        ]

    @classmethod
    def from_dict(cls, rows: Iterable[dict[str, Any]]) -> Self:
        """Read what `to_dict` wrote; codes count from 1 and colours are chosen where absent."""
        rows = list(rows)
        names = [_name_of(r) for r in rows]
        chosen = choose_colors(names)
        classes = []
        for i, row in enumerate(rows):
            code = _as_code(row.get("code", i + 1))
            if code is None:
                raise LegendError(
                    f"Expected a whole number as code of class '{names[i]}', got {row['code']!r}."
                )
            color = row.get("color", row.get("colour"))
            classes.append(LegendClass(code, names[i], parse_color(color) if color else chosen[i]))
        return cls(tuple(classes))

    def write(self, path: str | Path) -> None:
        """Write the legend as YAML."""
        text = yaml.safe_dump({"classes": self.to_dict()}, sort_keys=False, allow_unicode=True)
        Path(path).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a legend from YAML, CSV (`code,name,color`) or a QGIS `.qml` style.

        Raises:
            MissingFileError: There is no such file.
            LegendError: The file is not a legend, or its codes or names clash.
        """
        path = Path(path)
        if not path.exists():
            raise MissingFileError(
                f"Legend '{path}' does not exist. Check the path after --legend."
            )
        readers = {".yaml": _read_yaml, ".yml": _read_yaml, ".csv": _read_csv, ".qml": _read_qml}
        reader = readers.get(path.suffix.lower())
        if reader is None:
            raise LegendError(
                f"Expected a legend as .yaml, .csv or .qml, got '{path}'. Convert it first."
            )
        try:
            return cls.from_dict(reader(path))
        except LegendError as error:
            raise LegendError(f"{path}: {error}") from error
        except (yaml.YAMLError, ElementTree.ParseError, ValueError, OSError, csv.Error) as error:
            raise LegendError(
                f"'{path}' cannot be read as a legend: {in_one_line(error)}."
            ) from error


def choose_colors(names: Sequence[str]) -> list[Color]:
    """Pick a colour for each class name: by meaning where a word is known, else from a palette."""
    chosen: list[Color] = []
    for name in names:
        wanted = [c for pattern, c in _NAMED_COLORS if re.search(pattern, name.casefold())]
        free = [c for c in [*wanted, *_PALETTE] if c not in chosen]
        chosen.append(free[0] if free else _color_from_index(len(chosen)))
    return chosen


def parse_color(value: object) -> Color:
    """Read '#rrggbb', 'r,g,b' or a list of three numbers.

    Raises:
        LegendError: Anything else.
    """
    text = str(value).strip()
    if re.fullmatch(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", text):
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
    numbers = re.findall(r"\d+", text)
    if len(numbers) in (3, 4) and all(int(n) <= 255 for n in numbers):
        return int(numbers[0]), int(numbers[1]), int(numbers[2])
    raise LegendError(f"Expected a colour like '#2266cc' or '34,102,204', got {text!r}.")


def _color_from_index(index: int) -> Color:
    rng = np.random.default_rng(index)
    r, g, b = (int(v) for v in rng.integers(30, 226, size=3))
    return r, g, b


def _is_missing(value: object) -> bool:
    is_nan = isinstance(value, float | np.floating) and bool(np.isnan(value))
    return value is None or is_nan or not str(value).strip()


def _name_of(row: dict[str, Any]) -> str:
    """The name of a class in a file; its code where it has none."""
    name = row.get("name")
    if isinstance(name, bool):
        raise LegendError(
            "Expected texts as names, got yes, no, on, off, true or false, which YAML takes for a "
            "truth value. Put the name in quotes."
        )
    return str(row.get("code", "") if name is None else name).strip()


def _folded(name: str) -> str:
    """A name for comparison: without case, and with umlauts that are one character."""
    return unicodedata.normalize("NFC", name).casefold()


def _as_code(value: object) -> int | None:
    """A class code from a number or a text that is a whole number; None for anything else."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return int(number) if np.isfinite(number) and number == int(number) else None


def _refuse_repeats(what: str, values: Sequence[object]) -> None:
    repeated = sorted({str(v) for v in values if values.count(v) > 1})
    if repeated:
        raise LegendError(
            f"Expected each class {what} once, got {', '.join(repeated)} more than once. "
            f"Give every class a {what} of its own."
        )


def _read_yaml(path: Path) -> list[dict[str, Any]]:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    rows = data.get("classes") if isinstance(data, dict) else data
    if isinstance(rows, dict):  # {code: name}
        rows = [{"code": code, "name": name} for code, name in rows.items()]
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise LegendError(
            "expected a list 'classes' of entries with code, name and color; see docs/glossary.md."
        )
    return rows


def _read_csv(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = file.readline()
        file.seek(0)
        delimiter = ";" if header.count(";") > header.count(",") else ","  # spreadsheets in Europe
        rows = [
            {str(k).strip().lower(): (v or "").strip() for k, v in row.items() if k}
            for row in csv.DictReader(file, skipinitialspace=True, delimiter=delimiter)
        ]
    if not rows or "name" not in rows[0] or "code" not in rows[0]:
        raise LegendError("expected a CSV with the columns code,name,color.")
    return [dict(row) for row in rows]


def _read_qml(path: Path) -> list[dict[str, Any]]:
    root = ElementTree.parse(path).getroot()
    entries = [
        {"code": e.get("value"), "name": e.get("label") or e.get("value"), "color": e.get("color")}
        for e in root.iter("paletteEntry")
    ] or [
        {"code": e.get("value"), "name": e.get("label") or e.get("value"), "color": e.get("color")}
        for e in root.iter("item")
        if e.get("value") is not None and e.get("color") is not None
    ]
    if not entries:
        raise LegendError("expected a QGIS raster style with paletted values, found none.")
    return entries
