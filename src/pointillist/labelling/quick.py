"""The quick map: what is in view, mapped anew after every click.

Features of the tiles in view are kept, so that a click costs a fit of the light model and a few
matrix products. Each scale has a model of its own, learnt from the points as they look there.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointillist.features import FeatureSpec, group_around
from pointillist.grid import Window
from pointillist.labelling.light import LightModel, fit_light
from pointillist.labelling.mixing import BandMix
from pointillist.labelling.picture import tile_window
from pointillist.labelling.pyramid import Pyramid
from pointillist.models import Normalisation

_CACHE_BYTES = 384 * 2**20
_FEW_BANDS = 4
_MAX_PER_LABEL = 50
_LONGEST_REST_S = 1.0

Place = tuple[int, int, int]
"""Level, row and column: of a tile, or of a pixel."""


@dataclass(frozen=True, eq=False)
class TileFeatures:
    """What the light model looks at in one tile.

    Args:
        values: (h·w, F).
        valid: (h, w).
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TileMap:
    """The quick map of one tile.

    Args:
        index: (h, w) class index, −1 where there is no data.
        uncertainty: (h, w) normalised entropy, 0…1.
        valid: (h, w).
    """

    index: NDArray[np.int16]
    uncertainty: NDArray[np.float32]
    valid: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Taught:
    """Labelled pixels to learn from.

    Args:
        rowcol: (N, 2) pixels of the scene.
        index: (N,) class indices.
        owner: (N,) number of the label that each belongs to.
        clicked: (N,) whether the person chose the place; False where the map asked for it.
        version: Counts the changes.
    """

    rowcol: NDArray[np.int64]
    index: NDArray[np.int64]
    owner: NDArray[np.int64]
    clicked: NDArray[np.bool_]
    version: int

    @classmethod
    def nothing(cls) -> Taught:
        """Before the first point."""
        none = np.zeros(0, np.int64)
        return cls(np.zeros((0, 2), np.int64), none, none, none.astype(bool), 0)

    @property
    def is_enough(self) -> bool:
        """Whether there are two classes."""
        return len(np.unique(self.index)) >= 2


_NO_ROWS = np.zeros((0, 1), np.float32)


@dataclass(frozen=True, eq=False)
class _Stacked:
    """Features of pixels as they were last asked for: clicks come at the end of them.

    Args:
        rowcol: (N, 2) pixels of the scene.
        features: (M, F) of the M that have data.
        has_data: (N,) which they are.
    """

    rowcol: NDArray[np.int64]
    features: NDArray[np.float32]
    has_data: NDArray[np.bool_]

    @classmethod
    def nothing(cls) -> _Stacked:
        return cls(np.zeros((0, 2), np.int64), _NO_ROWS, np.zeros(0, dtype=bool))

    def followed_by(self, added: _Stacked) -> _Stacked:
        if not len(self.rowcol) or not len(added.rowcol):
            return added if len(added.rowcol) else self
        some = [part.features for part in (self, added) if len(part.features)] or [_NO_ROWS]
        return _Stacked(
            np.concatenate([self.rowcol, added.rowcol]),
            np.concatenate(some),
            np.concatenate([self.has_data, added.has_data]),
        )


class QuickMap:
    """Maps tiles from the points given so far.

    Args:
        pyramid: The scene at every scale.
        normalisation: Of its bands.
        on_fit: Told the version of the points after a model has learnt from them.
    """

    def __init__(
        self,
        pyramid: Pyramid,
        normalisation: Normalisation,
        on_fit: Callable[[int], None] | None = None,
    ) -> None:
        self.pyramid, self.mix = pyramid, BandMix(pyramid, normalisation)
        few = pyramid.scene.n_bands <= _FEW_BANDS
        self.spec = FeatureSpec(sigmas=(1.0, 2.0, 4.0, 8.0) if few else (1.0, 3.0))
        self._on_fit = on_fit
        self._taught = Taught.nothing()
        self._models: dict[int, tuple[int, LightModel]] = {}
        self._point_features: dict[Place, NDArray[np.float32] | None] = {}
        self._stacked: dict[int, _Stacked] = {}
        self._tiles: OrderedDict[Place, TileFeatures] = OrderedDict()
        self._waiting: dict[Place, Future[TileFeatures]] = {}
        self._n_bytes = 0
        self._lock = threading.Lock()
        self._fitting = threading.Lock()
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="features")
        self._fitter = ThreadPoolExecutor(1, thread_name_prefix="fit")
        self._level = 0
        self._is_closing = threading.Event()

    @property
    def taught(self) -> Taught:
        """The points it learns from."""
        return self._taught

    def teach(self, taught: Taught) -> None:
        """Learn from other points, in the background."""
        self._taught = taught
        if taught.is_enough:
            self._fitter.submit(self._fit_for_view, taught.version)

    def look_at(self, level: int, tiles: list[tuple[int, int]]) -> None:
        """Prepare the tiles (row, column) in view, in the background."""
        self._level = level
        with self._lock:
            for key in [k for k in self._waiting if k[0] != level]:
                if self._waiting[key].cancel():
                    del self._waiting[key]
        for row, col in tiles:
            self._request((level, row, col))
        if self._taught.is_enough:
            self._fitter.submit(self._fit_for_view, self._taught.version)

    def map_tile(self, level: int, row: int, col: int) -> TileMap | None:
        """Map one tile; None before there are two classes."""
        model = self.model(level)
        if model is None:
            return None
        while True:
            try:
                return apply_light(model, self._request((level, row, col)).result())
            except CancelledError:  # the view has moved on meanwhile, yet it is asked for
                continue

    def model(self, level: int) -> LightModel | None:
        """The model of a scale, of the points as they are now; None before two classes."""
        taught = self._taught
        if not taught.is_enough:
            return None
        with self._fitting:
            known = self._models.get(level)
            if known is not None and known[0] == taught.version:
                return known[1]
            features, has_data = self.features_at(level, taught.rowcol)
            index = taught.index[has_data]
            if len(np.unique(index)) < 2:
                return None
            model = fit_light(features, index)
            self._models[level] = (taught.version, model)
            return model

    def map_window(self, window: Window) -> tuple[LightModel, NDArray[np.float32], TileMap] | None:
        """Map a window of the scene's own pixels; None before there are two classes.

        Returns:
            The model, its shares (h, w, K), and the map.
        """
        model = self.model(0)
        if model is None:
            return None
        features = self._compute(0, window)
        shares = model.predict(features.values)
        shape = (*features.valid.shape, -1)
        return model, shares.reshape(shape), _as_map(model, shares, features)

    def rest(self) -> None:
        """Let go of the tiles that are kept, while nobody looks at the scene."""
        with self._lock:
            self._tiles.clear()
            self._n_bytes = 0

    def look_again(self) -> None:
        """The views from afar are better than they were: what was seen of them is forgotten."""
        with self._fitting:
            self._point_features.clear()
            self._stacked.clear()
            self._models.clear()
        self.rest()

    def close(self) -> None:
        """End the work in the background."""
        self._is_closing.set()
        for pool in (self._fitter, self._workers):
            pool.shutdown(wait=True, cancel_futures=True)  # they read the scene

    def _fit_for_view(self, version: int) -> None:
        if version != self._taught.version:
            return  # overtaken by a newer click
        start = time.monotonic()
        if self.model(self._level) is not None and self._on_fit is not None:
            self._on_fit(version)
        # many people click faster than it learns: half of the time is for what they do
        self._is_closing.wait(min(time.monotonic() - start, _LONGEST_REST_S))

    def features_at(
        self, level: int, rowcol: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features (M, F) of pixels (N, 2) of the scene, as they look at a scale.

        Returns:
            The features of the M that have data, and which (N,) of them do.
        """
        before = self._stacked.get(level)
        if before is None or not np.array_equal(before.rowcol, rowcol[: len(before.rowcol)]):
            before = _Stacked.nothing()
        added = self._stack(level, rowcol[len(before.rowcol) :])
        found = before.followed_by(added)
        self._stacked[level] = found
        return found.features, found.has_data

    def _stack(self, level: int, rowcol: NDArray[np.int64]) -> _Stacked:
        places: list[Place] = [(level, int(r), int(c)) for r, c in rowcol >> level]
        missing = sorted({p for p in places if p not in self._point_features})
        if missing:
            self._compute_points(level, missing)
        found = [self._point_features[p] for p in places]
        has_data = np.array([f is not None for f in found], dtype=bool)
        rows = [f for f in found if f is not None]
        return _Stacked(rowcol, np.stack(rows) if rows else _NO_ROWS, has_data)

    def _compute_points(self, level: int, missing: list[Place]) -> None:
        rowcol = np.array([p[1:] for p in missing], dtype=np.int64)
        for group in group_around(rowcol, self.spec.halo_px):
            pixels = self.pyramid.read(level, group.window)
            data = self.mix.apply(pixels.data, pixels.valid)
            values = self.spec.compute(data, pixels.valid)
            for member, (row, col) in zip(group.members.tolist(), group.rowcol, strict=True):
                has_data = bool(pixels.valid[row, col])
                self._point_features[missing[member]] = (
                    values[:, row, col].copy() if has_data else None
                )

    def _request(self, place: Place) -> Future[TileFeatures]:
        with self._lock:
            known = self._tiles.get(place)
            if known is not None:
                self._tiles.move_to_end(place)
                done: Future[TileFeatures] = Future()
                done.set_result(known)
                return done
            waiting = self._waiting.get(place)
            if waiting is None:
                waiting = self._workers.submit(self._compute_tile, place)
                self._waiting[place] = waiting
            return waiting

    def _compute_tile(self, place: Place) -> TileFeatures:
        try:
            tile = self._features_of(place)
        finally:
            with self._lock:
                self._waiting.pop(place, None)
        with self._lock:
            self._tiles[place] = tile
            self._n_bytes += tile.values.nbytes
            while self._n_bytes > _CACHE_BYTES and len(self._tiles) > 1:
                self._n_bytes -= self._tiles.popitem(last=False)[1].values.nbytes
        return tile

    def _features_of(self, place: Place) -> TileFeatures:
        level, row, col = place
        return self._compute(level, tile_window(self.pyramid, level, row, col))

    def _compute(self, level: int, core: Window) -> TileFeatures:
        halo = self.spec.halo_px
        pixels = self.pyramid.read(level, core.expand(halo))
        data = self.mix.apply(pixels.data, pixels.valid)
        inside = slice(halo, halo + core.height), slice(halo, halo + core.width)
        values = self.spec.compute(data, pixels.valid)[:, *inside]
        return TileFeatures(
            np.ascontiguousarray(values.reshape(len(values), -1).T), pixels.valid[inside]
        )


def apply_light(model: LightModel, tile: TileFeatures) -> TileMap:
    """Classes and uncertainty of a tile."""
    return _as_map(model, model.predict(tile.values), tile)


def _as_map(model: LightModel, shares: NDArray[np.float32], tile: TileFeatures) -> TileMap:
    shape = tile.valid.shape
    index = model.classes[shares.argmax(axis=1)].astype(np.int16).reshape(shape)
    index[~tile.valid] = -1
    return TileMap(index, _entropy(shares).reshape(shape), tile.valid)


def _entropy(shares: NDArray[np.float32]) -> Any:
    return -(shares * np.log(np.maximum(shares, 1e-9))).sum(axis=1) / np.log(shares.shape[1])


def thin_owners(owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """At most 50 pixels of every label, evenly: an area must not outweigh all points.

    Args:
        owner: (N,) number of the label that each pixel belongs to.
    """
    keep = np.ones(len(owner), dtype=bool)
    for crowded in np.flatnonzero(np.bincount(owner) > _MAX_PER_LABEL) if len(owner) else ():
        at = np.flatnonzero(owner == crowded)
        keep[at] = False
        keep[at[np.linspace(0, len(at) - 1, _MAX_PER_LABEL).astype(int)]] = True
    return keep
