"""A random forest on image features, kept as plain arrays: nothing pickled, nothing to trust."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import InputError, ModelFileError
from pointillist.features import FeatureSpec
from pointillist.grid import Window, iter_windows
from pointillist.models.card import ModelCard
from pointillist.models.trained import TrainedModel, find_valid

# Rows of the feature matrix that one thread takes at a time: they and their sums fit the cache.
_CHUNK = 16384
_FEATURE_BYTES = 256 * 2**20
# Our field → scikit-learn's name in the record of a node.
_NODE_FIELDS = {
    "left": "left_child",
    "right": "right_child",
    "feature": "feature",
    "threshold": "threshold",
    "impurity": "impurity",
    "n_samples": "n_node_samples",
    "weight": "weighted_n_node_samples",
    "missing_left": "missing_go_to_left",
}

Leaves = Callable[[NDArray[np.float32]], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class ForestArrays:
    """The nodes of all trees, one tree after the other.

    Within a tree nodes count from 0, and children come after their parent. A pixel goes left where
    its feature is at most the threshold.

    Args:
        tree_sizes: (T,) nodes per tree.
        left: (N,) left child, −1 in leaves.
        right: (N,) right child, −1 in leaves.
        feature: (N,) feature that is compared, below 0 in leaves.
        threshold: (N,) float64.
        impurity: (N,) float64, kept for whoever studies the forest.
        n_samples: (N,) training pixels in the node.
        weight: (N,) their summed weight.
        missing_left: (N,) whether missing values go left; features are never missing here.
        values: (N, K) float64 share of each class in the node.
        classes: (K,) class indices that the columns of `values` stand for.
        n_features: Number of features, a single number.

    Raises:
        ModelFileError: The arrays are no trees.
    """

    tree_sizes: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    impurity: NDArray[np.float64]
    n_samples: NDArray[np.int64]
    weight: NDArray[np.float64]
    missing_left: NDArray[np.uint8]
    values: NDArray[np.float64]
    classes: NDArray[np.int64]
    n_features: int

    def __post_init__(self) -> None:
        # Compiled code follows these numbers unchecked, so a damaged file must stop here.
        n = int(self.tree_sizes.sum())
        sizes_fit = all(len(getattr(self, name)) == n for name in (*_NODE_FIELDS, "values"))
        if not sizes_fit or self.values.shape != (n, len(self.classes)):
            raise ModelFileError("The forest's arrays differ in length. Copy the file or retrain.")
        own = np.concatenate([np.arange(size) for size in self.tree_sizes.tolist() or [0]])
        size = np.repeat(self.tree_sizes, self.tree_sizes)
        inner = (self.left > own) & (self.right > own) & (self.left < size) & (self.right < size)
        inner &= (self.feature >= 0) & (self.feature < self.n_features)
        leaf = (self.left == -1) & (self.right == -1)
        if n == 0 or (self.tree_sizes < 1).any() or not (inner | leaf).all():
            raise ModelFileError("The forest's nodes form no trees. Copy the file or train anew.")

    @classmethod
    def from_sklearn(cls, forest: Any) -> Self:
        """Take the trees out of a fitted `RandomForestClassifier` (or extra trees).

        Its classes must be class indices.
        """
        trees = [estimator.tree_ for estimator in forest.estimators_]
        nodes = np.concatenate([tree.__getstate__()["nodes"] for tree in trees])
        values = np.concatenate([tree.value[:, 0, :] for tree in trees])
        values = values / values.sum(axis=1, keepdims=True)
        arrays = {
            "tree_sizes": np.array([tree.node_count for tree in trees]),
            **{ours: nodes[theirs] for ours, theirs in _NODE_FIELDS.items()},
            "values": values,
            "classes": np.asarray(forest.classes_),
            "n_features": np.asarray(forest.n_features_in_),
        }
        return cls.from_tensors(arrays)

    def __getstate__(self) -> dict[str, Any]:
        """Only the arrays travel to other processes; what is made of them is made anew."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.tree_sizes)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """All arrays by name."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, NDArray[Any]]) -> Self:
        """Read what `tensors` gave.

        Raises:
            ModelFileError: An array is missing, or they are no trees.
        """
        missing = [f.name for f in fields(cls) if f.name not in tensors]
        if missing:
            raise ModelFileError(
                f"The forest lacks {', '.join(missing)}. Copy the file again or train anew."
            )
        types = {"left": "i4", "right": "i4", "feature": "i4", "missing_left": "u1"}
        floats = ("threshold", "impurity", "weight", "values")
        arrays = {
            name: np.ascontiguousarray(
                tensors[name], dtype=types.get(name, "f8" if name in floats else "i8")
            )
            for name in (f.name for f in fields(cls))
        }
        n_features = int(arrays.pop("n_features").reshape(-1)[0])
        return cls(**arrays, n_features=n_features)

    def predict(self, features: NDArray[np.float32], *, compiled: bool = True) -> NDArray[Any]:
        """Mean class shares of the leaves that pixels fall into.

        Args:
            features: (n, F) float32, finite.
            compiled: Whether to walk the trees with scikit-learn's compiled code where it takes
                them; else, or where it does not, with NumPy, more slowly and with the same result.

        Returns:
            (n, K) float32 that sum to 1, columns as in `classes`.
        """
        leaves = self._compiled_leaves if compiled else None
        if leaves is None:
            leaves = self._walkers
        sums = np.zeros((len(features), len(self.classes)), dtype=np.float32)
        share = np.empty_like(sums)
        for find_leaf, values in zip(leaves, self._leaf_values, strict=True):
            sums += np.take(values, find_leaf(features), axis=0, out=share, mode="clip")
        if self._sums_to_one:
            return sums / np.float32(self.n_trees)
        sums /= sums.sum(axis=1, keepdims=True)
        return sums

    @cached_property
    def _sums_to_one(self) -> bool:
        """Whether the values are shares; not so once classes have been weighed."""
        return bool(np.allclose(self.values.sum(axis=1), 1.0))

    def predict_with_doubt(
        self, features: NDArray[np.float32]
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Class shares, and how much the single trees doubt.

        Args:
            features: (n, F) float32, finite.

        Returns:
            What `predict` returns, and (n,) the mean entropy of the trees' leaves: 0 where every
            leaf holds one class, as in fully grown trees.
        """
        leaves = self._compiled_leaves or self._walkers
        sums = np.zeros((len(features), len(self.classes)), dtype=np.float32)
        doubt = np.zeros(len(features), dtype=np.float32)
        for find_leaf, values in zip(leaves, self._leaf_values, strict=True):
            shares = values / values.sum(axis=1, keepdims=True)
            entropy = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1)
            at = find_leaf(features)
            sums += values[at]
            doubt += entropy[at]
        return sums / sums.sum(axis=1, keepdims=True), doubt / np.float32(self.n_trees)

    @cached_property
    def _leaf_values(self) -> list[NDArray[np.float32]]:
        return [self.values[nodes].astype(np.float32) for nodes in self._trees()]

    @cached_property
    def _compiled_leaves(self) -> list[Leaves] | None:
        """`apply` of each tree rebuilt in scikit-learn; None if this version refuses them."""
        try:
            return [self._rebuild(nodes).apply for nodes in self._trees()]
        except (ImportError, TypeError, ValueError, KeyError, AttributeError):
            return None

    @cached_property
    def _walkers(self) -> list[Leaves]:
        return [_make_walker(self, nodes) for nodes in self._trees()]

    def _trees(self) -> Iterator[slice]:
        ends = np.cumsum(self.tree_sizes)
        for start, end in zip(ends - self.tree_sizes, ends, strict=True):
            yield slice(int(start), int(end))

    def _rebuild(self, nodes: slice) -> Any:
        """One tree as scikit-learn's own, node fields matched by name."""
        from sklearn.tree._tree import Tree

        n_classes = np.array([len(self.classes)], dtype=np.intp)
        tree = Tree(self.n_features, n_classes, 1)
        records = np.zeros(nodes.stop - nodes.start, dtype=tree.__getstate__()["nodes"].dtype)
        for ours, theirs in _NODE_FIELDS.items():
            if theirs in (records.dtype.names or ()):
                records[theirs] = getattr(self, ours)[nodes]
        state = {
            "max_depth": len(records),
            "node_count": len(records),
            "nodes": records,
            "values": np.ascontiguousarray(self.values[nodes][:, None, :]),
        }
        tree.__setstate__(state)
        return tree


class ForestModel(TrainedModel):
    """A trained forest with the features it looks at.

    Args:
        forest: The trees.
        features: How its features are computed.
        card: Classes, bands, normalisation and origin.

    Attributes:
        n_threads: Threads that `predict` uses; None uses every core this process may use.

    Raises:
        InputError: Forest, features and card disagree.
    """

    kind = "forest"

    def __init__(self, forest: ForestArrays, features: FeatureSpec, card: ModelCard) -> None:
        super().__init__(card)
        expected = features.n_features(len(card.bands))
        if forest.n_features != expected:
            raise InputError(
                f"Expected a forest on the {expected} features of {len(card.bands)} bands, "
                f"got one on {forest.n_features}."
            )
        if forest.classes.min() < 0 or forest.classes.max() >= len(card.legend):
            raise InputError(
                f"Expected classes among the {len(card.legend)} of the legend, "
                f"got class indices up to {forest.classes.max()}."
            )
        self.forest = forest
        self.features = features
        self.n_threads: int | None = None

    @property
    def halo_px(self) -> int:
        """How far the features look, in pixels."""
        return self.features.halo_px

    @property
    def bytes_per_px(self) -> float:
        """Values of this block and the next, scores and results; features come in pieces."""
        return 16.0 * len(self.bands) + 12.0 * len(self.legend) + 10.0

    def predict_part(
        self, data: NDArray[Any], valid: NDArray[np.bool_], part: tuple[slice, slice]
    ) -> NDArray[np.float32]:
        """Class probabilities (C, h, w) of a part of a window, the rest looked at by features only.

        The same as `predict(data, valid)` cut to that part, without walking the trees elsewhere.

        Args:
            data: (B, H, W) raw values.
            valid: (H, W), False where there is no data.
            part: Rows and columns of the window.
        """
        usable = valid & find_valid(data)
        (top, bottom, _), (left, right, _) = (
            s.indices(side) for s, side in zip(part, valid.shape, strict=True)
        )
        core = Window(top, left, bottom - top, right - left)
        out = self._of_core(self.normalisation.apply(data, usable), usable, core)
        out[:, ~usable[part]] = np.nan
        return out

    def _class_probabilities(
        self, data: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        return self._of_core(data, valid, Window(0, 0, *valid.shape))

    def _of_core(
        self, data: NDArray[np.float32], valid: NDArray[np.bool_], core: Window
    ) -> NDArray[np.float32]:
        """Piece by piece, so that the features of a large array never exist all at once."""
        out = np.zeros((len(self.legend), *core.shape), dtype=np.float32)
        whole = Window(0, 0, *valid.shape)
        with ThreadPoolExecutor(self.n_threads or _usable_cores()) as threads:
            for piece in iter_windows(core.shape, self._piece_px(len(data))):
                place = Window(core.row + piece.row, core.col + piece.col, *piece.shape)
                if not valid[place.slices].any():
                    continue
                read = place.expand(self.halo_px).intersection(whole) or whole
                window = (slice(None), *read.slices)
                computed = self.features.compute(data[window], valid[read.slices], threads)
                out[:, *piece.slices] = self._predict_features(
                    computed[:, *place.slices_in(read)], valid[place.slices], threads
                )
        return out

    def reweigh_classes(self, factors: ArrayLike) -> Self:
        """The model with each class's probability multiplied by a factor and all made to sum to 1.

        Args:
            factors: (C,) above 0, by class index.
        """
        weights = np.asarray(factors, dtype=np.float64)[self.forest.classes]
        forest = replace(self.forest, values=self.forest.values * weights)
        return type(self)(forest, self.features, self.card)

    def _piece_px(self, n_bands: int) -> int:
        """Side of a piece whose features, with halo, stay within a fixed amount of memory."""
        side = int((_FEATURE_BYTES / 4 / self.features.n_features(n_bands)) ** 0.5)
        return max(128, side - 2 * self.halo_px)

    def _predict_features(
        self, features: NDArray[np.float32], valid: NDArray[np.bool_], threads: ThreadPoolExecutor
    ) -> NDArray[np.float32]:
        """(C, h, w) from features (F, h, w); 0 at invalid pixels."""
        rows_per_chunk = max(1, _CHUNK // valid.shape[1])
        out = np.zeros((len(self.legend), *valid.shape), dtype=np.float32)

        def predict_rows(start: int) -> None:
            rows = slice(start, start + rows_per_chunk)
            at = valid[rows]
            pixels = features[:, rows].transpose(1, 2, 0)[at]
            if len(pixels):
                for shares, index in zip(
                    self.forest.predict(pixels).T, self.forest.classes, strict=True
                ):
                    out[index, rows][at] = shares

        list(threads.map(predict_rows, range(0, len(valid), rows_per_chunk)))
        return out

    def spec_dict(self) -> dict[str, Any]:
        """The features; the trees are all in the tensors."""
        return {"features": self.features.to_dict()}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The nodes of the trees, by name."""
        return self.forest.tensors()

    @classmethod
    def from_parts(
        cls, spec: dict[str, Any], tensors: dict[str, NDArray[Any]], card: ModelCard
    ) -> Self:
        """Rebuild the model.

        Raises:
            ModelFileError: The tensors are no forest.
        """
        return cls(
            ForestArrays.from_tensors(tensors), FeatureSpec.from_dict(spec["features"]), card
        )


def _make_walker(forest: ForestArrays, nodes: slice) -> Leaves:
    """Find leaves with NumPy: all pixels go down one level at a time."""
    left, right = forest.left[nodes], forest.right[nodes]
    feature, threshold = forest.feature[nodes], forest.threshold[nodes]

    def find_leaf(features: NDArray[np.float32]) -> NDArray[np.int64]:
        node = np.zeros(len(features), dtype=np.int64)
        walking = np.flatnonzero(left[node] >= 0)
        while len(walking):
            at = node[walking]
            goes_left = features[walking, feature[at]] <= threshold[at]
            node[walking] = np.where(goes_left, left[at], right[at])
            walking = walking[left[node[walking]] >= 0]
        return node

    return find_leaf


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
