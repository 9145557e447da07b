"""How many labels a GeoPackage holds, of which classes and by whom, without changing it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pointillist.legend import Legend
from pointillist.points.geopackage import find_layer, quoted, read_layer_metadata


@dataclass(frozen=True)
class FileSummary:
    """What a file of labels holds.

    Args:
        n_labels: Features with a geometry.
        classes: Their number by what the class column says; None where it says nothing.
        authors: Their number by author, the nameless left out.
        changed: When the newest was made, as the file writes it; empty where it does not.
        legend: The classes that the file keeps; None where it keeps none.
    """

    n_labels: int = 0
    classes: Counter[str | None] = field(default_factory=Counter)
    authors: Counter[str] = field(default_factory=Counter)
    changed: str = ""
    legend: Legend | None = None


def summarise_file(path: Path) -> FileSummary:
    """Read a summary; others may be writing meanwhile.

    Raises:
        PointsError: There is no layer of labels, or several.
        sqlite3.Error: It is no GeoPackage.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
        layer = find_layer(db, path.name)
        rows = read_layer_metadata(db, layer).get("legend")
        legend = Legend.from_dict(rows) if isinstance(rows, list) and rows else None
        asked = [
            quoted(name) if name in layer.columns else "NULL"
            for name in ("class", "author", "created")
        ]
        classes: Counter[str | None] = Counter()
        authors: Counter[str] = Counter()
        changed = ""
        for name, author, newest, n in db.execute(
            f"SELECT {asked[0]}, {asked[1]}, max({asked[2]}), count(*) FROM {quoted(layer.table)} "
            f"WHERE {quoted(layer.geometry)} IS NOT NULL GROUP BY 1, 2"
        ):
            classes[None if name is None or not str(name).strip() else str(name).strip()] += n
            if author:
                authors[str(author)] += n
            changed = max(changed, str(newest or ""))
    return FileSummary(classes.total(), classes, authors, changed, legend)
