"""A reference sample, counted: by stratum, map class and reference class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointillist.errors import InputError

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StratifiedSample:
    """A stratified random sample, counted; simple random sampling is one stratum.

    Args:
        counts: (H, C + 1, C) samples per stratum, map class and reference class; the last map row
            holds samples where the map has no class.
        sizes: (H,) pixels (or area) of each stratum in the whole map; only their proportions
            matter unless `fpc`.
        strata: H names.
        map_class: (H,) the map class each stratum consists of, where strata are map classes: then
            a class is known to be absent from the other strata. None where strata are something
            else.
        fpc: Whether to use the finite population correction 1 − n_h / N_h.
        post: Whether the strata were formed after a simple random draw.
        outside: (H,) samples that belong to the stratum but not to what is judged (a reference
            class that is ignored): they count for n and for nothing else. None: there are none.
        weights: (H, C + 1, C) sum of the samples' weights, where samples stand for unequal areas or
            were drawn with unequal chances; 1 each when None.
        squares: (H, C + 1, C) sum of their squared weights.
        outside_weights: (H, 2) sums of the weights, and of the squared weights, of `outside`; 1
            each when None.

    Raises:
        InputError: Shapes that do not fit, or sizes that are impossible.
    """

    counts: NDArray[np.int64]
    sizes: Values
    strata: tuple[str, ...] = ("all",)
    map_class: NDArray[np.int64] | None = None
    fpc: bool = False
    post: bool = False
    outside: NDArray[np.int64] | None = None
    weights: Values | None = None
    squares: Values | None = None
    outside_weights: Values | None = None

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts, dtype=np.int64)
        sizes = np.asarray(self.sizes, dtype=np.float64)
        if counts.ndim != 3 or counts.shape[1] != counts.shape[2] + 1:
            raise InputError(f"Expected counts (H, C + 1, C) of a sample, got {counts.shape}.")
        if sizes.shape != counts.shape[:1] or len(self.strata) != len(sizes):
            raise InputError(
                f"Expected one size and one name for each of {len(counts)} strata, got "
                f"{sizes.size} sizes and {len(self.strata)} names."
            )
        if not np.all(np.isfinite(sizes)) or sizes.min() < 0 or sizes.sum() == 0:
            raise InputError("Expected stratum sizes above 0, got zero, negative or missing ones.")
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "sizes", sizes)
        if self.outside is None:
            object.__setattr__(self, "outside", np.zeros(len(sizes), dtype=np.int64))
        if self.fpc:
            self._check_fractions()

    def _check_fractions(self) -> None:
        for name, n, size in zip(self.strata, self.n, self.sizes, strict=True):
            if n > size:
                raise InputError(
                    f"Expected at most {size:g} samples in stratum '{name}' of {size:g} pixels, "
                    f"got {n}. Give the sizes in pixels, or leave the finite population "
                    "correction out."
                )

    @classmethod
    def from_labels(
        cls,
        map_index: ArrayLike,
        reference_index: ArrayLike,
        n_classes: int,
        stratum: ArrayLike | None = None,
        sizes: ArrayLike = (1.0,),
        weight: ArrayLike | None = None,
        **options: Any,
    ) -> Self:
        """Count samples given one by one.

        Args:
            map_index: (N,) map class, −1 where the map has none.
            reference_index: (N,) reference class, 0…C−1; −1 for what is not judged (`outside`).
            n_classes: C.
            stratum: (N,) stratum number 0…H−1; all in one stratum when absent.
            sizes: (H,) pixels of each stratum.
            weight: (N,) weights, where they differ within a stratum.
            **options: `strata`, `map_class`, `fpc` and `post` as in the class.
        """
        rows, columns = np.asarray(map_index, dtype=np.int64), np.asarray(reference_index)
        where = np.zeros(len(rows), dtype=np.int64) if stratum is None else np.asarray(stratum)
        size, judged = np.asarray(sizes, dtype=np.float64), columns >= 0
        at = (
            where[judged],
            np.where(rows < 0, n_classes, rows)[judged],
            columns[judged].astype(np.int64),
        )
        shape = (len(size), n_classes + 1, n_classes)
        counts = _add_up(shape, at, np.ones(int(judged.sum())))
        options.setdefault("strata", tuple(str(h) for h in range(len(size))))
        options["outside"] = np.bincount(where[~judged], minlength=len(size))
        if weight is not None:
            every = np.asarray(weight, dtype=np.float64)
            w, rest = every[judged], every[~judged]
            options["weights"], options["squares"] = _add_up(shape, at, w), _add_up(shape, at, w**2)
            options["outside_weights"] = np.stack(
                [np.bincount(where[~judged], v, minlength=len(size)) for v in (rest, rest**2)],
                axis=1,
            )
        return cls(counts.astype(np.int64), size, **options)

    @classmethod
    def from_counts(cls, counts: ArrayLike, unmapped: ArrayLike) -> Self:
        """One stratum of an error matrix (C, C) and its unmapped pixels (C,)."""
        table = np.vstack([np.asarray(counts), np.asarray(unmapped)[None]])
        return cls(table[None].astype(np.int64), np.ones(1))

    @property
    def n_outside(self) -> NDArray[np.int64]:
        """(H,) samples that are not judged."""
        assert self.outside is not None
        return self.outside

    @property
    def sums_outside(self) -> Values:
        """(H, 2) sums of the weights, and of the squared weights, of samples not judged."""
        if self.outside_weights is not None:
            return self.outside_weights
        return np.stack([self.n_outside, self.n_outside], axis=1).astype(np.float64)

    @cached_property
    def mean_weights(self) -> Values:
        """(H,) mean weight of the samples of each stratum, judged or not; 1 without weights."""
        if self.weights is None:
            return np.ones(len(self.sizes))
        sums = self.weights.sum(axis=(1, 2)) + self.sums_outside[:, 0]
        return np.asarray(np.where(sums > 0, sums / np.maximum(self.n, 1), 1.0))

    @cached_property
    def n(self) -> NDArray[np.int64]:
        """(H,) samples of each stratum."""
        return np.asarray(self.counts.sum(axis=(1, 2)) + self.n_outside, dtype=np.int64)

    @property
    def n_classes(self) -> int:
        """C."""
        return int(self.counts.shape[2])

    def may_hold(self, y: Values) -> Mask:
        """(H,) whether pixels with y ≠ 0 can occur in each stratum."""
        if self.map_class is None:
            return self.sizes > 0
        return np.asarray((self.sizes > 0) & np.any(y[self.map_class] != 0, axis=1))

    def means(self, y: Values) -> Values:
        """(H,) mean of y (C + 1, C) over the samples of each stratum, by weight."""
        return np.asarray(self._flat_weights @ y.ravel() / np.maximum(self.n, 1))

    @cached_property
    def _flat_weights(self) -> Values:
        weights = self.counts if self.weights is None else self.weights
        return np.asarray(weights.reshape(len(weights), -1), dtype=np.float64)

    def total(self, y: Values, matters: Mask) -> float:
        """Σ N_h ȳ_h."""
        return float((self.sizes * self.means(y))[matters].sum())

    def squares_within(self, y: Values, y_outside: float = 0.0) -> Values:
        """(H,) sample variance s²_h of y."""
        n, (sums, squares) = self.n, self.sums_outside.T
        mean = self.means(y) + sums * y_outside / np.maximum(n, 1)
        rest = squares * y_outside**2 - 2 * mean * sums * y_outside + self.n_outside * mean**2
        if self.squares is None or self.weights is None:
            deviation = (y.ravel() - mean[:, None]) ** 2
            total = (self._flat_weights * deviation).sum(axis=1) + rest
        else:
            judged = self.counts.sum(axis=(1, 2))
            total = np.einsum("hij,ij->h", self.squares, y**2) + judged * mean**2 + rest
            total -= 2 * mean * np.einsum("hij,ij->h", self.weights, y)
            total = np.maximum(total, 0.0)
        return np.asarray(total / np.maximum(n - 1, 1))

    def variance_of_total(self, y: Values, matters: Mask, y_outside: float = 0.0) -> float | None:
        """V(Σ N_h ȳ_h), None where a stratum that matters has fewer than two samples.

        Post-stratified (Cochran 1977, eq. 5A.42, Särndal et al. 1992, 7.6): with W_h = N_h / N,
        V = N² [(1 − f) / n Σ W_h s²_h + 1 / n² Σ (1 − W_h) s²_h], whose second term is the price of
        not knowing beforehand how many samples each stratum gets.
        """
        n, size = self.n[matters], self.sizes[matters]
        exhausted = (n == size) if self.fpc else np.zeros(len(n), dtype=bool)
        if np.any((n < 2) & ~exhausted):
            return None
        s2 = self.squares_within(y, y_outside)[matters]
        if self.post:
            n_all, size_all = float(self.n.sum()), float(self.sizes.sum())
            share, left = size / size_all, 1 - n_all / size_all if self.fpc else 1.0
            spread = left * (share * s2).sum() / n_all + ((1 - share) * s2).sum() / n_all**2
            return float(size_all**2 * spread)
        left_over = 1.0 - n / size if self.fpc else np.ones(len(n))
        return float((size**2 * left_over * s2 / n).sum())

    @cached_property
    def effective_n(self) -> Values:
        """(H,) equally weighted samples of an infinite stratum that would tell as much."""
        n = self.n.astype(np.float64)
        if self.weights is not None and self.squares is not None:
            sums = self.weights.sum(axis=(1, 2)) + self.sums_outside[:, 0]
            squares = self.squares.sum(axis=(1, 2)) + self.sums_outside[:, 1]
            n = np.where(squares > 0, sums**2 / np.maximum(squares, 1e-300), n)
        if not self.fpc:
            return n
        with np.errstate(divide="ignore"):
            return np.asarray(n / np.maximum(1 - self.n / np.maximum(self.sizes, 1), 0))


def _add_up(shape: tuple[int, ...], at: tuple[Any, ...], values: Values) -> Values:
    total = np.zeros(shape)
    np.add.at(total, at, values)
    return total
