"""What a study is made of: rows of a table, from a study's name or from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from pointillist.errors import ConfigError, InputError, MissingFileError, in_one_line
from pointillist.studies.cell_values import check_values
from pointillist.studies.faults import Faults
from pointillist.studies.naming import name_cell
from pointillist.studies.protocols import Cell, Protocol, protocols


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RowsConfig(_Frozen):
    """Rows of one protocol: the product of all lists.

    Args:
        protocol: Name of the protocol.
        cells: Values of the protocol's cell by name; a list makes a row of each of its values.
        against: Which row each is compared with: the same cell with these values replaced. A list
            gives the values row by row.
        figures: `single_view` tells the figures of one view of a run with several.
        most_seeds: Fewer seeds than the study's, for long runs.
    """

    protocol: str = "P-classic"
    cells: dict[str, Any]
    against: dict[str, Any] | None = None
    figures: Literal["single_view"] | None = None
    most_seeds: int | None = Field(None, ge=1)


class StudyConfig(_Frozen):
    """A study.

    Args:
        name: Short, for messages and files.
        title: Of its table.
        seeds: Seeds of every row.
        rows: What is run.
    """

    name: str
    title: str
    seeds: int = Field(10, ge=1)
    rows: list[RowsConfig] = Field(min_length=1)


_N_NEAR = 12
"""Rows that are named where one is not found: the nearest of many."""


@dataclass(frozen=True)
class Row:
    """One line of a study's table: the runs of several seeds.

    Args:
        name: What the runs have in common.
        cell: The cell of seed 0.
        against: Name of the row this one is compared with, None for no comparison.
        figures: Part of the record that holds the figures, None for the record itself.
        most_seeds: Fewer seeds than the study's.
    """

    name: str
    cell: Cell
    against: str | None = None
    figures: str | None = None
    most_seeds: int | None = None

    def seeds(self, n: int) -> int:
        """How many seeds of this row a study of n seeds has."""
        return n if self.most_seeds is None else min(n, self.most_seeds)


@dataclass(frozen=True)
class Study:
    """A table to be filled.

    Args:
        name: Short.
        title: Of the table.
        rows: Its lines.
        seeds: Seeds of every row.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    seeds: int = 10

    def cells(self, n_seeds: int) -> list[Cell]:
        """All runs: one seed of every row, then the next."""
        return [
            replace(row.cell, seed=seed)
            for seed in range(n_seeds)
            for row in self.rows
            if seed < row.seeds(n_seeds)
        ]

    def only(self, name: str) -> Study:
        """The study of a single row, which then is compared with no other.

        Raises:
            InputError: There is no such row.
        """
        chosen = tuple(replace(row, against=None) for row in self.rows if row.name == name)
        if not chosen:
            names = [row.name for row in self.rows]
            near = get_close_matches(name, names, _N_NEAR, 0) if len(names) > _N_NEAR else names
            more = f"; and {len(names) - len(near)} more" if len(near) < len(names) else ""
            raise InputError(f"Expected a row among: {'; '.join(near)}{more}; got '{name}'.")
        return replace(self, rows=chosen)


def make_study(config: StudyConfig) -> Study:
    """Resolve a configuration into rows.

    Raises:
        InputError: An unknown protocol, or a cell's key or value that its protocol does not know.
        ConfigError: Values of another type or out of range, or several faults: all rows are judged,
            and all that is wrong is told at once.
    """
    faults, parts = Faults(), []
    for number, part in enumerate(config.rows, start=1):
        with faults.collect():
            parts.append(_expand(part, f"row {number} of study '{config.name}'"))
    faults.raise_all()
    rows = list(dict.fromkeys(row for part in parts for row in part))
    names = [row.name for row in rows]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(f"Expected rows of different names, got '{doubled[0]}' twice.")
    lost = sorted({row.against for row in rows if row.against} - set(names))
    if lost:
        raise InputError(
            f"Expected rows to be compared with rows of '{config.name}', got '{lost[0]}'. "
            "Add it to the rows."
        )
    return Study(config.name, config.title, tuple(rows), config.seeds)


def _expand(part: RowsConfig, where: str) -> list[Row]:
    protocol = protocols().get(part.protocol)
    if protocol is None:
        raise InputError(f"Expected a protocol of {', '.join(protocols())}, got '{part.protocol}'.")
    products = list(product(*_listed(part.cells, where).values()))
    others = _row_by_row(part.against, len(products), where)
    faults, rows = Faults(), []
    for values, changed in zip(products, others, strict=True):
        with faults.collect():
            cell = _read_cell(protocol, dict(zip(part.cells, values, strict=True)), where)
            against = None
            if changed is not None:
                other = _in_words_of_cells({**asdict(cell), **changed})
                against = name_cell(protocol.read_cell(other))
            name = name_cell(cell) + (", one view" if part.figures == "single_view" else "")
            rows.append(Row(name, cell, against, part.figures, part.most_seeds))
    faults.raise_all()
    return rows


def _listed(cells: Mapping[str, Any], where: str) -> dict[str, list[Any]]:
    """Every value as a list."""
    empty = [name for name, value in cells.items() if value == []]
    if empty:
        raise ConfigError(f"Expected values of {', '.join(empty)} in {where}, got an empty list.")
    return {k: value if isinstance(value, list) else [value] for k, value in cells.items()}


def _row_by_row(
    against: Mapping[str, Any] | None, n_rows: int, where: str
) -> list[dict[str, Any] | None]:
    """What is changed in the row that each is compared with, None for no comparison."""
    if against is None:
        return [None] * n_rows
    for name, value in against.items():
        if isinstance(value, list) and len(value) != n_rows:
            raise ConfigError(
                f"Expected one value of {name} in 'against' for each of the {n_rows} rows of "
                f"{where}, got {len(value)}."
            )
    return [
        {k: v[i] if isinstance(v, list) else v for k, v in against.items()} for i in range(n_rows)
    ]


def _read_cell(protocol: Protocol, stated: Mapping[str, Any], where: str) -> Cell:
    """A cell whose values have been judged before the first run, not after an hour.

    What its keys, types and names are wrong in is told together.
    """
    faults = Faults()
    with faults.collect():
        check_values(protocol, stated, where)
    words = dict(stated)
    with faults.collect():
        words = _in_words_of_cells(stated)
    with faults.collect():
        protocol.check_keys(words)
    wrong = _wrong_names(protocol, words)
    for sentence in wrong.values():
        with faults.collect():
            raise InputError(sentence)
    if len(faults.found) == len(wrong):  # else it cannot be made
        known = {key: value for key, value in words.items() if key not in wrong}
        with faults.collect():
            protocol.read_cell(known)
    faults.raise_all()
    return protocol.read_cell(words)


def _in_words_of_cells(stated: Mapping[str, Any]) -> dict[str, Any]:
    """One name for each way of drawing points, so that a finished run is known again.

    As many points of every class are `random` with a number per class (the reference study's word)
    and also called `balanced`; `random` with a number of points in total is also called `simple`;
    `stratified` is also called `spread`.

    Raises:
        InputError: `simple` without a number of points in total.
    """
    strategy, in_total = stated.get("strategy"), stated.get("n_points") is not None
    if strategy == "simple" and not in_total and "design" not in stated:
        raise InputError(
            "Expected n_points with the strategy simple, which draws without regard to class, got "
            "points per class. Give n_points, or take the strategy balanced."
        )
    names = {"simple" if in_total else "balanced": "random", "spread": "stratified"}
    return {**stated, "strategy": names[strategy]} if strategy in names else dict(stated)


def _wrong_names(protocol: Protocol, stated: Mapping[str, Any]) -> dict[str, str]:
    """What is said of strategies, designs, recipes and settings that there are not, by key."""
    from pointillist.sampling.masks import STRATEGIES, STRATEGIES_PER_CLASS
    from pointillist.studies.settings import SETTINGS

    per_class = stated.get("n_points") is None
    wrong = {}
    for key, known in (
        ("strategy", STRATEGIES_PER_CLASS if per_class else STRATEGIES),
        ("design", protocol.designs),
        ("recipe", protocol.recipes),
        ("setting", tuple(SETTINGS)),
        ("class_shares", ("auto",)),
    ):
        if key in protocol.keys and stated.get(key) is not None and stated[key] not in known:
            of_each = " and points per class" if key == "strategy" and per_class else ""
            wrong[key] = (
                f"Expected {'' if key == 'class_shares' else 'a '}{key} of {', '.join(known)} for "
                f"{protocol.name}{of_each}, got {stated[key]!r}."
            )
    return wrong


def read_study(path: Path) -> StudyConfig:
    """Read a study from a YAML file.

    Raises:
        MissingFileError: No such file.
        ConfigError: Not YAML, unknown keys or impossible values; all are listed at once.
    """
    if not path.exists():
        raise MissingFileError(f"Study '{path}' does not exist. Check its path.")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(
            f"'{path}' cannot be read as YAML: {in_one_line(error)}. Compare it with "
            "docs/studies.md."
        ) from error
    if not isinstance(data, Mapping):
        kind = "nothing" if data is None else type(data).__name__
        raise ConfigError(
            f"Expected a study in '{path}' (name, title, rows), got {kind}. Compare it with "
            "docs/studies.md."
        )
    try:
        return StudyConfig.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(_describe(fault) for fault in error.errors())
        raise ConfigError(
            f"Expected a valid study in '{path}': {faults}. Compare it with docs/studies.md."
        ) from error


def _describe(fault: ErrorDetails) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such key"
    if fault["type"] == "missing":
        return f"{place}: is needed"
    return f"{place}: {fault['msg']} (got {fault['input']!r})"


def merge_studies(name: str, title: str, studies: Sequence[Study]) -> Study:
    """All rows of several studies, each once, with as many seeds as its own study gives it.

    Of rows of the same name the one that is compared with another is kept.
    """
    rows: dict[str, Row] = {}
    for study in studies:
        for row in study.rows:
            most = row.seeds(study.seeds)
            known = rows.get(row.name)
            if known is not None:
                most = max(most, known.most_seeds or 0)
                row = known if known.against is not None else row
            rows[row.name] = replace(row, most_seeds=most)
    return Study(name, title, tuple(rows.values()), max(study.seeds for study in studies))
