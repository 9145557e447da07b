"""Labels that are being made: a GeoPackage in which every action is on disk before it is answered.

What QGIS opens is what is written. Beside the layer lies an append-only history of all actions, so
that a repeated request changes nothing, two writers cannot overwrite each other silently, and any
earlier state can be had back. The history's table carries GeoPackage's own prefix, so that GIS
programs do not list it as a layer.

GDAL brings an SQLite of its own, and two of them in one process break each other's locks: while a
store is open, other programs may read and write its file, this process must not do so through GDAL.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pointillist.errors import BusyPointsError, ConflictError, InputError, PointsError
from pointillist.legend import Legend
from pointillist.points import geopackage
from pointillist.points.blank import find_code, write_blank
from pointillist.points.geopackage import Layer, decode_geometry, encode_geometry, quoted
from pointillist.points.label import Change, Event, Label, dump_label, load_label

OUTSIDE = "another program"
"""Author of changes that were not made through a store."""

_HISTORY = "gpkg_pointillist_history"
_COLUMNS = {
    "author": "TEXT",
    "source": "TEXT",
    "created": "TEXT",
    "round": "INTEGER",
    "uid": "TEXT",
    "version": "INTEGER",
}


class PointStore:
    """The labels of a scene in a GeoPackage, safe in threads and beside other programs.

    Args:
        path: The file; made where there is none.
        crs: Coordinate system of a new file; None for pixel coordinates of a plain image.
        legend: Classes to begin with; those the file keeps come first.
        class_field: Column to take the classes from where the file has none named `class`; the
            only one of text where None.

    Raises:
        InputError: The file's name does not end in .gpkg, or which column has the classes is open.
        PointsError: The file has no layer of points, or several.
        UnreadableFileError: It is no GeoPackage.
    """

    def __init__(
        self,
        path: str | Path,
        crs: str | None = None,
        legend: Legend | None = None,
        class_field: str | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() != ".gpkg":
            raise InputError(
                f"Expected a GeoPackage (.gpkg) to keep labels in, got '{self.path.name}'. "
                "Save the points as GeoPackage first, for example in QGIS."
            )
        if not self.path.exists():
            _make_file(self.path, crs)
        self._lock = threading.RLock()
        self._db = geopackage.connect(self.path)
        self._inode = _inode_of(self.path)
        self._layer = self._prepare(class_field)
        self._labels: dict[str, Label] = {}
        self._seq = 0
        self._data_version = -1
        self.refresh()
        self._legend = self._read_legend()
        first = legend or _legend_of(self._labels.values())
        if self._legend is None and first is not None:  # kept, so that codes stay what they are
            self.set_legend(uuid.uuid4().hex, "", first)

    @property
    def crs(self) -> str | None:
        """Coordinate system of the file as WKT; None where it states none."""
        return self._layer.crs

    @property
    def legend(self) -> Legend | None:
        """The classes; None before the first one."""
        return self._legend

    @property
    def seq(self) -> int:
        """Number of the last line of the history."""
        return self._seq

    def labels(self) -> list[Label]:
        """All features, in the order in which they were made."""
        with self._lock:
            return list(self._labels.values())

    def get(self, uid: str) -> Label | None:
        """One feature; None where there is none of that name."""
        return self._labels.get(uid)

    def apply(self, request: str, author: str, changes: Sequence[Change]) -> list[Event]:
        """Make some changes, all or none. On disk when this returns.

        Args:
            request: Name of the request; one that was answered before changes nothing and gets
                the same answer.
            author: Who asks.
            changes: What to change.

        Returns:
            The lines of the history that they became.

        Raises:
            ConflictError: Somebody else has changed a feature meanwhile; nothing was done.
        """
        with self._lock:
            with self._transaction():
                self._catch_up()
                known = self._events("WHERE request = ?", (request,))
                if known:
                    return known
                for change in changes:
                    self._check(change)
                rows = [self._write(request, author, change) for change in changes]
            self._remember(rows)
            return rows

    def answered(self, request: str) -> list[Event]:
        """The lines of the history that a request became; empty where it has not been done."""
        with self._lock:
            return self._events("WHERE request = ?", (request,))

    def deleted(self, uid: str) -> Label | None:
        """A feature as it was when it was deleted; None where it was not."""
        with self._lock:
            events = self._events("WHERE uid = ? ORDER BY seq DESC LIMIT 1", (uid,))
            return events[0].before if events and events[0].after is None else None

    def set_legend(
        self,
        request: str,
        author: str,
        legend: Legend,
        renamed: dict[str, str] | None = None,
        known: list[dict[str, Any]] | None = None,
    ) -> list[Event]:
        """Replace the classes and rename those of features; on disk when this returns.

        Args:
            request: Name of the request, as in `apply`.
            author: Who asks.
            legend: The classes.
            renamed: Old name → new name; two old names may become one.
            known: The classes that whoever asks has seen, as `Legend.to_dict` gives them; None
                where that does not matter.

        Raises:
            ConflictError: The classes are others than the known ones; nothing was done.
        """
        with self._lock:
            with self._transaction():
                self._catch_up()
                if self._events("WHERE request = ?", (request,)):
                    return self._events("WHERE request = ?", (request,))
                if known not in (None, self._legend.to_dict() if self._legend else []):
                    raise ConflictError(
                        "The classes have been changed by somebody else meanwhile; they are shown "
                        "as they are now. Do it again if you still want to."
                    )
                facts = geopackage.read_layer_metadata(self._db, self._layer)
                geopackage.write_layer_metadata(
                    self._db, self._layer, {**facts, "legend": legend.to_dict()}
                )
                rows = [self._write(request, author, c) for c in self._renamings(renamed or {})]
                rows.append(self._log(request, author, "", None, None))
            self._legend = legend
            self._remember(rows)
            return rows

    def refresh(self) -> bool:
        """Take in what other programs have written; whether there was anything."""
        with self._lock:
            if self._version_of_file() == self._data_version:
                return False
            before = self._seq
            with self._transaction():
                self._catch_up()
            return self._seq != before

    def events_since(self, seq: int, limit: int = 10_000) -> list[Event]:
        """Lines of the history after a number."""
        with self._lock:
            return self._events("WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))

    def restore(self, request: str, author: str, seq: int) -> list[Event]:
        """Go back to the state after a line of the history; itself an action that can be undone.

        Raises:
            InputError: There is no such line.
        """
        with self._lock:
            if not 0 <= seq <= self._seq:
                raise InputError(f"Expected a line of the history up to {self._seq}, got {seq}.")
            wanted: dict[str, Label | None] = {}
            for event in reversed(self.events_since(seq, limit=10_000_000)):
                if event.uid:
                    wanted[event.uid] = event.before
            changes = [
                Change(uid, now.version if (now := self._labels.get(uid)) else 0, label, True)
                for uid, label in wanted.items()
                if not _same(self._labels.get(uid), label)
            ]
            return self.apply(request, author, changes) if changes else []

    def snapshot(self, path: Path) -> Path:
        """Copy the file as it is now, complete and without a write-ahead log."""
        path.unlink(missing_ok=True)
        with self._lock:
            self._db.execute("VACUUM INTO ?", (str(path),))
        return path

    def close(self) -> None:
        """Close the file; its write-ahead log is taken in."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()

    def _prepare(self, class_field: str | None) -> Layer:
        """Add the columns and the history where the file lacks them."""
        with self._transaction():
            layer = self._find_layer()
            source = self._class_column(layer, class_field)
            for column, kind in {"class": "TEXT", **_COLUMNS}.items():
                if column not in layer.columns:
                    self._db.execute(
                        f"ALTER TABLE {quoted(layer.table)} ADD COLUMN {quoted(column)} {kind}"
                    )
            if source is not None:
                self._db.execute(
                    f"UPDATE {quoted(layer.table)} SET class = CAST({quoted(source)} AS TEXT)"
                )
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {_HISTORY} (seq INTEGER PRIMARY KEY AUTOINCREMENT, "
                "request TEXT NOT NULL, at TEXT NOT NULL, author TEXT NOT NULL, "
                "uid TEXT NOT NULL, before TEXT, after TEXT)"
            )
            self._db.execute(
                f"CREATE INDEX IF NOT EXISTS {_HISTORY}_request ON {_HISTORY} (request)"
            )
            self._db.execute(f"CREATE INDEX IF NOT EXISTS {_HISTORY}_uid ON {_HISTORY} (uid)")
            return self._find_layer()

    def _find_layer(self) -> Layer:
        """The layer; columns that are ours in another case have our names, as SQL takes them."""
        layer = geopackage.find_layer(self._db, self.path.name)
        own = {"class", *_COLUMNS}
        return replace(
            layer,
            columns={
                folded if (folded := name.casefold()) in own else name: kind
                for name, kind in layer.columns.items()
            },
        )

    def _class_column(self, layer: Layer, stated: str | None) -> str | None:
        """Which column the classes are copied from; None where the file has them or nothing has."""
        if "class" in layer.columns or stated == "class":
            return None
        if stated is not None and stated not in layer.columns:
            raise InputError(
                f"There is no column '{stated}' in '{self.path.name}'. It has "
                f"{', '.join(layer.columns) or 'none'}."
            )
        texts = [c for c, kind in layer.columns.items() if kind.startswith("TEXT")]
        found = [stated] if stated else [c for c in texts if c not in _COLUMNS]
        if len(found) > 1:
            raise InputError(
                f"Expected one column of text with the classes in '{self.path.name}', got "
                f"{', '.join(found)}. Say which with --class-field, or --class-field class for "
                "points that have none yet."
            )
        return found[0] if found else None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, in the file and in memory; the lock of the file is waited for."""
        self._refuse_another_file()
        names = ("_labels", "_seq", "_data_version", "_legend")
        before = {name: getattr(self, name) for name in names if hasattr(self, name)}
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            for name, value in before.items():
                setattr(self, name, value)
            if isinstance(error, sqlite3.OperationalError):
                raise BusyPointsError(
                    f"'{self.path}' cannot be written now ({error}). "
                    "Check the disk, and whether another program is editing the file."
                ) from error
            raise

    def _refuse_another_file(self) -> None:
        """A file that was moved away or replaced would be written to where nobody sees it."""
        if _inode_of(self.path) != self._inode:
            raise BusyPointsError(
                f"'{self.path}' was removed or replaced by another file while it was open. Put it "
                "back, or start `label` again to go on with the new one."
            )

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _check(self, change: Change) -> None:
        now = self._labels.get(change.uid)
        if (now.version if now else 0) != change.base_version:
            who = f" by {now.author}" if now and now.author else ""
            done = "changed" if now else "deleted"
            raise ConflictError(
                f"This point has been {done}{who} meanwhile; it is shown as it is now. "
                "Do it again if you still want to."
            )

    def _write(self, request: str, author: str, change: Change) -> Event:
        """Change one row and log it; nothing is remembered before the commit."""
        import shapely

        before = self._labels.get(change.uid)
        table = quoted(self._layer.table)
        if change.label is None:
            cursor = self._db.execute(f"DELETE FROM {table} WHERE uid = ?", (change.uid,))
            self._refuse_lost_row(cursor, before)
            return self._log(request, author, change.uid, before, None)
        after = replace(
            change.label,
            uid=change.uid,
            wkt=shapely.from_wkt(change.label.wkt).wkt,
            author=change.label.author if change.keeps_author else author,
            created=change.label.created or _now(),
            version=(before.version if before else change.label.version - 1) + 1,
        )
        values = self._row(after)
        if before is None:
            names = ", ".join(quoted(name) for name in values)
            marks = ", ".join("?" * len(values))
            self._db.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
            )
        else:
            assigned = ", ".join(f"{quoted(name)} = ?" for name in values)
            cursor = self._db.execute(
                f"UPDATE {table} SET {assigned} WHERE uid = ?", (*values.values(), change.uid)
            )
            self._refuse_lost_row(cursor, before)
        self._note_geometry_type(after)
        return self._log(request, author, change.uid, before, after)

    def _refuse_lost_row(self, cursor: sqlite3.Cursor, before: Label | None) -> None:
        """What was to be changed must have been changed: no answer before it is on disk."""
        if before is not None and cursor.rowcount != 1:
            raise PointsError(
                f"Expected one feature of '{self.path.name}' with the uid '{before.uid}', found "
                f"{cursor.rowcount}. Start `label` again, which reads the file anew."
            )

    def _row(self, label: Label) -> dict[str, Any]:
        import shapely

        geometry = shapely.from_wkt(label.wkt)
        name: str | int | None = label.name
        if self._layer.columns["class"] not in ("TEXT", "") and name is not None:
            index = self._legend.index_of(name) if self._legend else None
            name = self._legend.codes[index] if self._legend and index is not None else name
        return {
            self._layer.geometry: encode_geometry(geometry, self._layer.srs_id),
            "class": name,
            **{column: getattr(label, column) for column in _COLUMNS},
        }

    def _note_geometry_type(self, label: Label) -> None:
        """Say that the layer holds more than points, once it does."""
        if not label.wkt.startswith("POINT"):
            self._db.execute(
                "UPDATE gpkg_geometry_columns SET geometry_type_name = 'GEOMETRY' "
                "WHERE table_name = ? AND geometry_type_name = 'POINT'",
                (self._layer.table,),
            )

    def _log(
        self, request: str, author: str, uid: str, before: Label | None, after: Label | None
    ) -> Event:
        at = _now()
        cursor = self._db.execute(
            f"INSERT INTO {_HISTORY} (request, at, author, uid, before, after) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (request, at, author, uid, dump_label(before), dump_label(after)),
        )
        return Event(int(cursor.lastrowid or 0), at, author, uid, before, after)

    def _remember(self, events: Sequence[Event]) -> None:
        for event in events:
            self._seq = max(self._seq, event.seq)
            if event.after is not None:
                self._labels[event.uid] = event.after
            elif event.uid:
                self._labels.pop(event.uid, None)

    def _version_of_file(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _catch_up(self) -> None:
        """Inside a transaction: read what others wrote, and log what bypassed the history."""
        if self._version_of_file() == self._data_version:
            return
        found = self._read_rows()
        known = dict(self._labels) if self._seq else self._state_of_history()
        for event in self._events("WHERE seq > ? AND uid <> ''", (self._seq,)):
            if event.after is None:
                known.pop(event.uid, None)
            else:
                known[event.uid] = event.after
        for uid in known.keys() - found.keys():
            self._log(uuid.uuid4().hex, OUTSIDE, uid, known[uid], None)
        for uid, label in found.items():
            if label == known.get(uid):
                continue
            after = replace(label, version=max(label.version, _version(known.get(uid)) + 1))
            self._db.execute(
                f"UPDATE {quoted(self._layer.table)} SET version = ? WHERE uid = ?",
                (after.version, uid),
            )
            found[uid] = after
            self._log(uuid.uuid4().hex, OUTSIDE, uid, known.get(uid), after)
        row = self._db.execute(f"SELECT coalesce(max(seq), 0) FROM {_HISTORY}").fetchone()
        self._labels, self._seq = found, int(row[0])
        self._data_version = self._version_of_file()
        self._legend = self._read_legend() or getattr(self, "_legend", None)

    def _state_of_history(self) -> dict[str, Label]:
        state: dict[str, Label] = {}
        for event in self._events("WHERE uid <> ''", ()):
            if event.after is None:
                state.pop(event.uid, None)
            else:
                state[event.uid] = event.after
        return state

    def _read_rows(self) -> dict[str, Label]:
        """All features; those that another program made get a name."""
        layer = self._layer
        names = [quoted(c) for c in (layer.fid, layer.geometry, "class", *_COLUMNS)]
        found: dict[str, Label] = {}
        for row in self._db.execute(
            f"SELECT {', '.join(names)} FROM {quoted(layer.table)} ORDER BY {quoted(layer.fid)}"
        ).fetchall():
            fid, blob, name, author, source, created, round_, uid, version = row
            if blob is None:
                continue
            uid = "" if uid is None else str(uid)
            if not uid or uid in found:  # copied and pasted rows share theirs
                uid = uuid.uuid4().hex
                self._db.execute(
                    f"UPDATE {quoted(layer.table)} SET uid = ? WHERE {quoted(layer.fid)} = ?",
                    (uid, fid),
                )
            found[uid] = Label(
                uid=uid,
                wkt=decode_geometry(blob).wkt,
                name=None if name is None or not str(name).strip() else str(name).strip(),
                author=str(author or ""),
                source=str(source or "import"),
                created=str(created or ""),
                round=_whole(round_, 0),
                version=_whole(version, 1),
            )
        return found

    def _events(self, where: str, values: tuple[Any, ...]) -> list[Event]:
        order = "" if "ORDER" in where else " ORDER BY seq"
        rows = self._db.execute(
            f"SELECT seq, at, author, uid, before, after FROM {_HISTORY} {where}{order}", values
        ).fetchall()
        return [
            Event(seq, at, author, uid, load_label(before), load_label(after))
            for seq, at, author, uid, before, after in rows
        ]

    def _renamings(self, renamed: dict[str, str]) -> list[Change]:
        return [
            Change(label.uid, label.version, replace(label, name=renamed[label.name]), True)
            for label in self._labels.values()
            if label.name in renamed and renamed[label.name] != label.name
        ]

    def _read_legend(self) -> Legend | None:
        rows = geopackage.read_layer_metadata(self._db, self._layer).get("legend")
        if not isinstance(rows, list) or not rows:
            return None
        return Legend.from_dict(rows)


def _inode_of(path: Path) -> tuple[int, int] | None:
    """What the name of a file stands for; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _whole(value: Any, default: int) -> int:
    """A whole number; another program may have left text."""
    try:
        return int(value or default)
    except (TypeError, ValueError):
        return default


def _make_file(path: Path, crs: str | None) -> None:
    """An empty layer that GIS programs open, made beside and moved into place."""
    if not path.parent.is_dir():
        raise InputError(f"Folder '{path.parent}' does not exist. Make it, or choose another.")
    partial = path.with_name(f".{path.stem}-{uuid.uuid4().hex}.gpkg")
    code = None if crs is None else find_code(crs)
    try:
        if crs is None or code is not None:
            write_blank(partial, _layer_name(path), {"class": "TEXT", **_COLUMNS}, code)
        else:
            _make_by_gdal(partial, _layer_name(path), crs)
        partial.replace(path)
    except sqlite3.Error as error:
        raise PointsError(
            f"'{path}' cannot be made ({error}). Check that its folder can be written."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _make_by_gdal(path: Path, layer: str, crs: str) -> None:
    """A coordinate system without a code of its own needs a program that knows how to keep it."""
    import geopandas as gpd
    import pyogrio

    columns: dict[str, Any] = {"class": [""], "author": [""], "source": [""], "created": [""]}
    columns |= {"round": [0], "uid": [""], "version": [0]}
    frame = gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy([0], [0]), crs=crs).iloc[:0]
    pyogrio.write_dataframe(frame, path, layer=layer, geometry_type="Unknown", use_arrow=False)


def _layer_name(path: Path) -> str:
    reserved = path.stem.casefold().startswith(("gpkg", "sqlite_", "rtree_"))
    return f"points_{path.stem}" if reserved else path.stem


def _legend_of(labels: Any) -> Legend | None:
    names = [label.name for label in labels if label.name is not None]
    return Legend.from_values(names) if names else None


def _same(one: Label | None, other: Label | None) -> bool:
    """Whether two features say the same, whatever their versions."""
    if one is None or other is None:
        return one is other
    return (one.wkt, one.name) == (other.wkt, other.name)


def _version(label: Label | None) -> int:
    return 0 if label is None else label.version


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
